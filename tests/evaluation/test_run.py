"""What a run files of its scores: numbers, and by which network those of drawings were made."""

import contextlib
import json

import numpy as np
import pytest

from data_pipelines.errors import UserError
from itit_jax.evaluation import features, run
from tests import tiny
from tests.evaluation import toy


@pytest.fixture
def toys(monkeypatch):
    monkeypatch.setitem(features.KINDS, "toy", lambda path: toy.EXTRACTOR)
    return np.random.default_rng(0).integers(0, 256, (2, 9, 6, 6, 3)).astype(np.uint8)


def test_scores_of_drawings_name_their_features(toys):
    found = run.picture_scores(*toys, "toy:x")
    assert found.pop("t2i_features") == "toy"
    assert found["t2i_fid"] > 0 and all(isinstance(value, float) for value in found.values())


def test_one_picture_is_no_set(toys):
    with pytest.raises(UserError, match="needs two pictures and the split has one"):
        run.picture_scores(*toys[:, :1], "toy:x")


class Lines:
    """A report that keeps what it is told."""

    def __init__(self):
        self.say, self.lines = lambda line: self.lines.append(line), []

    def phase(self, name):
        return contextlib.nullcontext(name)


def test_a_name_is_filed_and_told_beside_the_numbers(tmp_path, monkeypatch):
    scores = {"l1": 0.25, "t2i_features": "toy|x", "t2i_is": 2.0, "t2i_is_low": 1.5}
    monkeypatch.setattr(run, "evaluate", lambda *_: scores)
    report = Lines()
    run.write(tiny.itit_config(), tmp_path, None, {}, step=3, report=report)
    assert json.loads((tmp_path / "eval.json").read_text()) == {"3": {"test": scores}}
    assert report.lines == ["test: l1 0.250  t2i_features toy|x  t2i_is 2.000"]
