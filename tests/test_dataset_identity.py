"""A run knows its data set by contents: it may lie anywhere; another in its place is refused."""

import dataclasses
import shutil

import pytest

from data_pipelines import build
from data_pipelines.records import Records, read_info, write
from itit_jax import main
from tests import runs


@pytest.fixture
def place(tokenizer, easy, tmp_path, monkeypatch):
    """A folder with a finished run and its data set, and nothing else known of where they were."""
    shutil.copytree(tokenizer, tmp_path / "run")
    shutil.copytree(easy, tmp_path / "deep" / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ask(data):
    """Exit codes of going on with the run, and of scoring it."""
    flags = ["--workdir=run", f"--config.data.path={data}"]
    train = [word.replace("configs/", f"{runs.ROOT}/configs/") for word in runs.VQ]
    code = main.main([*train, *flags, "--config.train.steps=4"])
    return code, main.main(["--mode=eval", *flags])


def test_a_data_set_that_was_moved_is_the_same_under_any_name(place):
    for data in ("./deep/../deep/data/", place / "deep/data"):
        assert ask(data) == (0, 0)
    (place / "deep/data").rename(place / "other")
    assert ask("other") == (0, 0)


def other_scenes(folder):
    shutil.rmtree(folder)
    assert build.main(["--from=scenes", "--preset=easy", "--seed=1", f"--out={folder}"]) == 0


def one_letter(folder):
    splits = {name: list(Records(folder, name)) for name in read_info(folder)["splits"]}
    first = splits["pairs"][0]
    splits["pairs"][0] = dataclasses.replace(first, texts=(f"{first.texts[0]}x", *first.texts[1:]))
    words = {"vocabulary.model": (folder / "vocabulary.model").read_bytes()}
    shutil.rmtree(folder)
    about = dict(name="scenes", licence="x", made_by="x", parameters={})
    write(folder, splits, extra=words, **about)


@pytest.mark.parametrize("change", [other_scenes, one_letter])
def test_another_data_set_of_as_many_records_in_its_place_is_refused(change, place, capsys):
    change(place / "deep/data")
    capsys.readouterr()
    before = {file: file.read_bytes() for file in place.rglob("run/*.json")}
    assert ask("deep/data") == (2, 2)
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2 and all("the dataset is not the one that run" in line for line in told)
    assert before == {file: file.read_bytes() for file in place.rglob("run/*.json")}
