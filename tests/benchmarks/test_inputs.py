"""What becomes of odd inputs, where it is known what is wrong."""

import json

import numpy as np
import pytest

from benchmarks.inputs import __main__ as inputs
from benchmarks.inputs import building, photos, tables
from benchmarks.inputs.trial import Refused, Trial, call, run
from configs.commands import command
from data_pipelines import images
from data_pipelines.words.train import train_pieces


@pytest.fixture
def words(tmp_path):
    file = tmp_path / "words.model"
    file.write_bytes(train_pieces(["a red dog of nobody says it is x y"] * 9, 64))
    return file


def raising(error):
    def act(folder):
        raise error

    return act


@pytest.mark.parametrize(
    "act, named, outcome",
    [
        (lambda folder: "meant", (), "right"),
        (lambda folder: "bent", (), "silent"),
        (raising(Refused("row 3 is odd")), ("row 3",), "refused"),
        (raising(Refused("something is odd")), ("row 3",), "silent"),
        (raising(Refused("row 3 is odd")), (), "needless"),
        (raising(KeyError("x")), ("x",), "traceback"),
    ],
)
def test_an_outcome_is_told_by_what_was_meant(act, named, outcome, tmp_path):
    trial = Trial("any", act, lambda got: "" if got == "meant" else "bent", named)
    assert run(trial, tmp_path)[0] == outcome


def test_exit_code_2_is_a_refusal_with_its_sentence_and_1_is_none():
    refuse = command("any", "", {})(lambda options: 2)
    fail = command("any", "", {})(lambda options: 1)
    with pytest.raises(Refused):
        call(refuse)
    with pytest.raises(RuntimeError, match="exit code 1"):
        call(fail)


def sound_trial(words, monkeypatch):
    monkeypatch.setattr(building, "ODD", (tables.sound,))
    return building.trial(np.random.default_rng(3), words)


def test_a_sound_table_is_built_right(words, tmp_path, monkeypatch):
    assert run(sound_trial(words, monkeypatch), tmp_path) == ("right", "")


def test_a_row_that_is_lost_is_found(words, tmp_path, monkeypatch):
    trial = sound_trial(words, monkeypatch)
    monkeypatch.setattr(building.Records, "__iter__", lambda self: iter(()))
    outcome, text = run(trial, tmp_path)
    assert outcome == "silent" and "is lost" in text


def test_other_pixels_are_found(words, tmp_path, monkeypatch):
    monkeypatch.setattr(photos, "ODD", (photos.sound,))
    plain = images.decode
    monkeypatch.setattr(images, "decode", lambda *a, **k: plain(*a, **k)[::-1])
    trial = photos.trial(np.random.default_rng(0), words)
    outcome, text = run(trial, tmp_path)
    assert outcome == "silent" and "other pixels" in text


def test_a_command_that_was_stopped_goes_on_to_what_it_would_have_found(tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "open_doors", lambda folder: {"settings": inputs.settings.trial})
    told = lambda name: json.loads((tmp_path / name).read_text())
    whole = ["--seed=3", "--count=12", f"--out={tmp_path / 'whole'}"]
    assert inputs.main(whole) == 0
    plain, left = inputs.tried, iter(range(5))

    def stopped(*arguments):
        next(left)  # StopIteration: a fault in the middle
        return plain(*arguments)

    monkeypatch.setattr(inputs, "EVERY", -1.0)
    monkeypatch.setattr(inputs, "tried", stopped)
    parts = [*whole[:2], f"--out={tmp_path / 'parts'}"]
    with pytest.raises(StopIteration):
        inputs.main(parts)
    assert told("parts")["done"] == 5
    monkeypatch.setattr(inputs, "tried", plain)
    assert inputs.main(parts) == 0 and told("parts") == told("whole")
    assert sum(sum(e["counts"].values()) for e in told("whole")["kinds"].values()) == 12
