"""The seqio engine yields the bytes of the grain engine."""

import itertools

import numpy as np
import pytest

from data_pipelines import engines, merge, records
from data_pipelines.augment import Augment
from data_pipelines.example import Record
from data_pipelines.images import encode_png
from data_pipelines.streams import Streams
from data_pipelines.words.find import open_words
from tests.data_pipelines.test_streams import equal, streams

seqio = pytest.importorskip("seqio")


def read_by_both(**options):
    return zip(*(engines.read(streams(**options), 0, engine) for engine in ("grain", "seqio")))


def test_both_engines_yield_equal_bytes_over_hundreds_of_steps(easy):
    pairs = read_by_both(folder=easy)
    for (step, ours), (other, theirs) in itertools.islice(pairs, 300):
        assert step == other and equal(ours, theirs), step


def test_both_engines_yield_equal_augmented_bytes_over_hundreds_of_steps(easy):
    rows, augment = dict.fromkeys(("draw", "images"), 1), Augment(crop=0.8, flip=True, colour=0.2)
    pairs, plain = read_by_both(folder=easy, rows=rows, augment=augment), streams(easy, rows=rows)
    for (step, ours), (other, theirs) in itertools.islice(pairs, 300):
        assert step == other and equal(ours, theirs), step
    assert not equal(ours, plain.batch(step))


@pytest.mark.parametrize("host", [0, 1])
def test_both_engines_yield_equal_bytes_after_a_jump_on_each_host(easy, host):
    found = streams(easy, host=host, hosts=2)
    pairs = zip(*(engines.read(found, 123_457, engine) for engine in ("grain", "seqio")))
    for (step, ours), (other, theirs) in itertools.islice(pairs, 5):
        assert step == other and equal(ours, theirs)


def test_registered_tasks_and_their_mixture_are_ordinary_seqio(easy):
    from data_pipelines import tasks

    found = streams(easy)
    tasks.register(found, "easy")
    first = next(seqio.get_mixture_or_task("easy_draw").get_dataset(
        sequence_length=None, split="train", shuffle=False
    ).as_numpy_iterator())
    np.testing.assert_array_equal(first["image"], found.batch(0)["draw"]["image"][0])
    assert "easy" in seqio.MixtureRegistry.names()
    text = seqio.SentencePieceVocabulary(str(easy / "vocabulary.model")).decode(
        first["text"].tolist()
    )
    assert text == found.vocabulary.decode(first["text"])


def test_weights_of_merged_sets_are_rates_of_a_seqio_mixture_of_a_task_each(easy, tmp_path):
    from data_pipelines import tasks

    values = {"a": range(0, 50, 10), "b": range(100, 170, 10)}
    about = dict(licence="l", made_by="m", made_of={}, parameters={})
    for name, each in values.items():
        rows = [Record(f"{v}", encode_png(np.full((8, 8, 3), v, np.uint8)), (), "s") for v in each]
        words = open_words(easy).files()
        records.write(tmp_path / name, {"images": rows}, extra=words, name=name, **about)
    assert merge.main([f"{tmp_path}/a", f"{tmp_path}/b", f"--out={tmp_path}/mix"]) == 0
    found = Streams(tmp_path / "mix", {"images": 4}, seed=0, image_size=8, text_length=8,
                    vocabulary=easy, mixture={"images": (3, 1)})  # fmt: skip
    tasks.register(found, "mix")
    mixture = seqio.get_mixture_or_task("mix_images_weighed")
    rates = {each.name: mixture.get_rate(each) for each in mixture.tasks}
    assert rates == {"mix_images_0": 3, "mix_images_1": 1}

    def shown(name, count):
        dataset = seqio.get_mixture_or_task(name).get_dataset(
            sequence_length=None, split="train", shuffle=False, seed=0
        )
        rows = itertools.islice(dataset.as_numpy_iterator(), count)
        return [int(row["image"][0, 0, 0]) for row in rows]

    for number, each in enumerate(values.values()):  # two epochs, each record once in both
        epochs = np.reshape(shown(f"mix_images_{number}", 2 * len(each)), (2, -1))
        assert [sorted(epoch) for epoch in epochs.tolist()] == [list(each)] * 2
    drawn = np.array(shown("mix_images_weighed", 400))
    assert set(drawn.tolist()) == {*values["a"], *values["b"]}
    assert 0.68 < (drawn < 100).mean() < 0.82


def test_both_engines_yield_the_same_questions_and_answers(easy_asked):
    found = streams(easy_asked, rows={"questions": 4, "draw": 2}, answer_length=5)
    pairs = zip(*(engines.read(found, 31, engine) for engine in ("grain", "seqio")))
    for (step, ours), (other, theirs) in itertools.islice(pairs, 20):
        assert step == other and equal(ours, theirs)
        assert ours["questions"].keys() == {"image", "question", "answer"}
