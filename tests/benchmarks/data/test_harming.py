"""A harm that is borne is right or refused; a loss that nobody tells is a finding."""

import json

import pytest

from benchmarks.data import harming, made
from data_pipelines.sources import tars


@pytest.fixture
def words(tmp_path):
    return made.words(tmp_path / "w.model")


def test_every_harm_is_borne(words):
    found = harming.harmed(len(harming.HARMS), words)
    assert found.keys() == harming.HARMS.keys()
    for kind, entry in found.items():
        assert set(entry["counts"]) <= {"right", "refused"}, (kind, entry["first"])
    assert json.dumps(found)


def test_a_reader_that_tells_nothing_and_one_that_fails_are_found(words, monkeypatch):
    monkeypatch.setattr(harming, "HARMS", {"cut": harming.cut_tars})
    read = tars.members
    quiet = lambda *given: (m for m in read(*given) if isinstance(m, tars.Member))
    monkeypatch.setattr("data_pipelines.sources.webdataset.members", quiet)
    assert harming.harmed(6, words)["cut_tars"]["counts"]["silent"] >= 3
    monkeypatch.setattr("data_pipelines.sources.webdataset.members", lambda *given: 1 / 0)
    assert harming.harmed(1, words)["cut_tars"]["counts"]["traceback"] == 1
