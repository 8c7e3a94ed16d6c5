"""What a data set or a machine lacks is told before JAX starts, and what is advised works."""

import importlib.util
import pathlib
import re
import subprocess
import sys

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from data_pipelines import records
from data_pipelines.errors import UserError
from data_pipelines.images import encode_png
from data_pipelines.records import Record
from data_pipelines.streams import Streams
from data_pipelines.words.train import train_pieces
from itit_jax import config as settings
from itit_jax import data_checks
from itit_jax.config import ConfigError
from itit_jax.data_checks import open_vocabulary
from launch import local

ROOT = pathlib.Path(__file__).parent.parent
SPLITS = ("pairs", "images", "texts", "validation", "test", "held_out", "questions",
          "test_questions")  # fmt: skip


def data_set(folder, splits=SPLITS, name="folder", count=3):
    """A data set with so many records in each of these splits, whose pictures nobody opens."""
    rows = {s: [Record(f"{s}-{i}", b"x", ("a b",), name) for i in range(count)] for s in splits}
    vocabulary = {"vocabulary.model": train_pieces(["a b c"] * 9, 8)}
    records.write(folder, rows, name=name, licence="", made_by="", parameters={}, extra=vocabulary)
    return folder


def asked(folder, *changes, path="configs/vq_emoji.py"):
    return settings.load(path, overrides=[f"data.path={folder}", *changes])


def advised(sentence):
    """The settings that a sentence advises."""
    return [word.removeprefix("--config.").rstrip(".,;)")
            for word in re.findall(r"--config\.\S+", sentence)]  # fmt: skip


@hypothesis.settings(max_examples=30, deadline=None)
@hypothesis.given(
    st.sets(st.sampled_from(SPLITS[1:])), st.lists(st.sampled_from((*SPLITS, "tset")), max_size=3)
)
def test_a_split_that_cannot_be_scored_is_told_with_flags_that_work(tmp_path_factory, there, wish):
    folder = data_set(tmp_path_factory.mktemp("d") / "x", ["pairs", *there])
    config = asked(folder, f"evaluate.splits={','.join(wish)}")
    if {*wish} <= ({"pairs", *there} - {"images", "texts"}):
        data_checks.check_data(config)
        return
    with pytest.raises(ConfigError, match="evaluate.splits asks for") as caught:
        data_checks.check_data(config)
    data_checks.check_data(settings.override(config, advised(str(caught.value))))


def test_a_split_of_questions_that_is_not_there_is_told_with_those_that_are(tmp_path):
    folder = data_set(tmp_path, ["questions", "test_questions", "test"])
    config = asked(folder, "evaluate.splits=held_out_questions,")
    with pytest.raises(ConfigError, match="give --config.evaluate.splits=test_questions"):
        data_checks.check_data(config)
    data_checks.check_data(asked(folder, "evaluate.splits=test_questions,"))


@pytest.mark.parametrize(
    "changes, words",
    [
        (["evaluate.scenes=tniy"], "the presets are"),
        (["evaluate.scenes=tiny"], "was not made of scenes"),
        (["data.pairs=4", "data.rows.draw=2"], "data.pairs is 4, but .* has 3 pairs"),
        (["data.lone_images=4"], "data.lone_images is 4"),
        (["data.lone_images=2"], "has no images of its own and lends those of its pairs"),
        (["data.lone_texts=2", "data.rows.texts=2"], "has no texts of its own and lends"),
    ],
)
def test_settings_that_the_data_set_does_not_meet_are_told_with_flags_that_work(
    changes, words, tmp_path
):
    lent = [s for s in SPLITS if s not in ("images", "texts")]
    config = asked(data_set(tmp_path / "x", lent if "lends" in words else SPLITS), *changes)
    with pytest.raises(ConfigError, match=words) as caught:
        data_checks.check_data(config)
    if flags := advised(str(caught.value)):
        data_checks.check_data(settings.override(config, flags))


def test_a_vocabulary_too_large_for_the_model_or_not_of_the_data_set_is_told(tmp_path):
    small = "model.vocabulary_size=4"
    config = asked(data_set(tmp_path / "x"), small, path="configs/itit_emoji.py")
    with pytest.raises(ConfigError, match="model.vocabulary_size is 4; set") as caught:
        data_checks.check_data(config)
    config = settings.override(config, advised(str(caught.value)))
    data_checks.check_data(config)
    (tmp_path / "x/vocabulary.model").write_bytes(train_pieces(["x y z"] * 9, 8))
    with pytest.raises(UserError, match="has not the vocabulary that dataset.json tells of"):
        data_checks.check_data(config)


def test_a_model_without_words_needs_none_of_pictures_alone(tmp_path):
    rows = {"images": [Record(f"{i}", encode_png(np.full((9, 9, 3), i, np.uint8)), (), "s")
                       for i in range(4)]}  # fmt: skip
    records.write(tmp_path / "x", rows, name="s", licence="", made_by="", parameters={})
    changes = ["data.rows.draw=0", "data.rows.images=2", "evaluate.splits="]
    config = asked(tmp_path / "x", *changes)
    data_checks.check_data(config)
    size = dict(seed=0, image_size=9, text_length=4)
    found = Streams(tmp_path / "x", {"images": 2}, vocabulary=open_vocabulary(config), **size)
    assert found.batch(0)["images"]["image"].shape == (2, 9, 9, 3)
    with pytest.raises(UserError, match="holds no vocabulary"):
        data_checks.check_data(asked(tmp_path / "x", changes[-1], path="configs/itit_emoji.py"))


@pytest.mark.parametrize("missing", data_checks.SEQIO)
def test_a_package_that_is_not_there_is_named_with_what_brings_it(missing, tmp_path, monkeypatch):
    found = lambda name: None if name == missing else importlib.machinery.ModuleSpec(name, None)
    monkeypatch.setattr(data_checks.importlib.util, "find_spec", found)
    config = asked(data_set(tmp_path / "x"), "data.engine=seqio")
    with pytest.raises(ConfigError, match=f"package {missing}.*itit_jax.data.'") as caught:
        data_checks.check_data(config)
    data_checks.check_data(settings.override(config, advised(str(caught.value))))


@pytest.mark.parametrize(
    "changes", [["data.rows.images=1000000000"], ["data.image_size=1000000"],
                ["data.text_length=1000000000000", "data.rows.caption=2"]],
)  # fmt: skip
def test_rows_that_no_memory_holds_are_told(changes, tmp_path):
    config = asked(data_set(tmp_path / "x"), *changes)
    with pytest.raises(ConfigError, match="GiB and this machine has"):
        data_checks.check_data(config)


def test_rows_of_a_process_are_those_of_the_step_over_all_processes(tmp_path, monkeypatch):
    monkeypatch.setattr(data_checks, "memory", lambda: 4 * 1000 * 64**2 * 3)
    config = asked(data_set(tmp_path / "x"), "data.rows.images=2000", "data.rows.draw=0")
    with pytest.raises(ConfigError, match="lower data.rows.images"):
        data_checks.check_data(config)
    for name, value in local.environment(0, 2, 1).items():
        monkeypatch.setenv(name, value)
    data_checks.check_data(config)


def test_a_missing_split_is_told_before_jax_starts(tmp_path):
    """By the command; without scores it trains."""
    folder = data_set(tmp_path / "x", ["pairs", "images"])
    code = (
        "import sys; from itit_jax import main\n"
        "code = main.main(sys.argv[1:])\n"
        "print(code, [m for m in ('jax', 'flax') if m in sys.modules])"
    )
    flags = ["--config=configs/vq_emoji.py", f"--config.data.path={folder}",
             f"--workdir={tmp_path}/r"]  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code, *flags], cwd=ROOT, text=True,
                          capture_output=True)  # fmt: skip
    assert done.stdout == "2 []\n" and "evaluate.splits asks for test" in done.stderr, done.stderr
    assert not (tmp_path / "r").exists()


# ---- advice -------------------------------------------------------------------------------------


def test_every_key_that_a_sentence_or_page_advises_is_a_key():
    """A part that is filled in later stands for any word."""
    from itit_jax.config_files import known_keys

    known, found = known_keys(), 0
    files = [f for p in ("configs", "data_pipelines", "itit_jax") for f in (ROOT / p).rglob("*.py")]
    for file in (*files, ROOT / "README.md", ROOT / "Makefile"):
        for name in re.findall(r"--config\.([\w.{}\[\]'\"]+)=", file.read_text(encoding="utf-8")):
            if name != "KEY":
                form = re.sub(r"\\\{.*?\\\}", r"[\\w.]+", re.escape(name))
                assert any(re.fullmatch(form, key) for key in known), (file, name)
                found += 1
    assert found > 30
