"""A set that TFDS wrote and Tasks that seqio registers, read to the same records."""

import importlib.resources.abc
import io
import sys

import numpy as np
import pytest

from data_pipelines.images import decode
from tests.data_pipelines.sources.made import WORDS, png, records, run, told

tfds = pytest.importorskip("tensorflow_datasets")
seqio = pytest.importorskip("seqio")
tf = pytest.importorskip("tensorflow")


class Squares(tfds.core.GeneratorBasedBuilder):
    """Twelve pictures with two captions each, in the layout of coco_captions, and a test split."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        captions = tfds.features.Sequence({"id": tf.int64, "text": tf.string})
        features = {"image": tfds.features.Image(), "captions": captions, "image/id": tf.int64}
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _split_generators(self, manager):
        return {"train": self._generate_examples(range(12)), "test": self._generate_examples([99])}

    def _generate_examples(self, numbers):
        for i in numbers:
            said = [{"id": n, "text": f"a picture {i} said {n}"} for n in range(2)]
            yield i, {"image": io.BytesIO(png(i)), "captions": said, "image/id": i}


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    """Folder of the version that TFDS wrote."""
    # TFDS asks for a backport of this by name, which it does not require.
    sys.modules.setdefault("importlib_resources", importlib.resources)
    builder = Squares(data_dir=tmp_path_factory.mktemp("tfds"))
    builder.download_and_prepare()
    return builder.data_path


def test_a_set_of_tfds_gives_the_bytes_and_captions_that_it_was_written_from(squares, tmp_path):
    found = records(tmp_path / "out", f"--from=tfds:{squares}")
    pairs = {r.texts: r.image for r in found["pairs"]}
    assert pairs == {tuple(f"a picture {i} said {n}" for n in range(2)): png(i) for i in range(12)}
    again = records(tmp_path / "again", f"--from=tfds:{squares}")
    assert again == found and told(tmp_path / "out") == {}
    (one,) = records(tmp_path / "test", f"--from=tfds:{squares}", "--split=test")["pairs"]
    assert one.key == "test-0" and one.image == png(99)


def register(name, vocabulary, rows):
    """A Task of {"image", "text"} rows."""
    shape = (None, None, 3)
    signature = {"image": tf.TensorSpec(shape, tf.uint8), "text": tf.TensorSpec([], tf.string)}
    source = seqio.FunctionDataSource(
        lambda split, shuffle_files, seed=None: tf.data.Dataset.from_generator(
            lambda: iter(rows), output_signature=signature
        ),
        splits=["train"],
    )
    seqio.TaskRegistry.add(
        name, source=source, preprocessors=[seqio.preprocessors.tokenize],
        output_features={
            "image": seqio.Feature(seqio.PassThroughVocabulary(256), dtype=tf.uint8, rank=3,
                                   add_eos=False),
            "text": seqio.Feature(vocabulary, add_eos=True),
        },
    )  # fmt: skip


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    """The module `made_tasks` that registers two Tasks and a Mixture."""
    folder = tmp_path_factory.mktemp("module")
    (folder / "made_tasks.py").write_text("")
    (folder / "w.model").write_bytes(WORDS)
    vocabulary = seqio.SentencePieceVocabulary(str(folder / "w.model"))
    rows = [{"image": decode(png(i)), "text": f"a picture of {'x' * i}"} for i in range(5)]
    rows.append({"image": decode(png(9)), "text": ""})
    register("made_squares", vocabulary, rows)
    register("made_others", vocabulary, rows[:2])
    seqio.MixtureRegistry.add("made_mixture", ["made_squares", "made_others"], default_rate=1)
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))


def test_a_task_of_seqio_gives_its_pixels_and_the_text_of_its_ids(tasks, tmp_path):
    found = records(tmp_path / "out", "--from=seqio:made_tasks:made_squares")
    for number, record in enumerate(found["pairs"]):
        np.testing.assert_array_equal(decode(record.image), decode(png(number)))
    letters = {r.texts[0].replace("⁇", "x").replace(" ", "") for r in found["pairs"]}
    assert len(found["pairs"]) == 5 and "apictureof" in letters
    assert told(tmp_path / "out") == {"empty caption": 1} and len(found["images"]) == 1
    mixed = records(tmp_path / "mixed", "--from=seqio:made_tasks:made_mixture")
    assert mixed == records(tmp_path / "again", "--from=seqio:made_tasks:made_mixture")
    assert {r.texts for r in mixed["pairs"]} <= {r.texts for r in found["pairs"]}


def test_what_is_not_there_is_one_sentence(squares, tasks, tmp_path, capsys):
    for kind, more in [
        ("tfds:no_such_set_at_all:1.0.0", []), (f"tfds:{squares}", ["--split=dev"]),
        (f"tfds:{squares}", ["--image_column=pixels"]), ("seqio:made_tasks:none", []),
        ("seqio:no_such_module:x", []), ("seqio:made_tasks:made_squares", ["--split=test"]),
        ("tfds", []),
    ]:  # fmt: skip
        assert run(tmp_path / "out", f"--from={kind}", *more) == 2, kind
    lines = [line for line in capsys.readouterr().err.splitlines() if "data_pipelines:" in line]
    for line, part in zip(lines, (
        "cannot be opened", "give --split=train or test", "no column pixels",
        "registers no Task or Mixture none", "no_such_module", "give --split=train",
        "tfds:NAME:VERSION or seqio:MODULE:NAME",
    ), strict=True):  # fmt: skip
        assert part in line, line
