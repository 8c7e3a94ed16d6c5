"""The command: its scores are those of fidelity.py, and it says how each was measured."""

import json

import numpy as np
import pytest

from data_pipelines import pictures
from data_pipelines.folder import Report
from itit_jax.evaluation import features, fidelity, images
from itit_jax.evaluation.fidelity import Statistics
from tests.evaluation import toy


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """ask(A, B, flags) -> exit code; features are the toy's."""
    monkeypatch.setitem(features.KINDS, "toy", lambda path: toy.EXTRACTOR)
    usual = {"--features": "toy:x", "--cache": str(tmp_path / "cache")}

    def ask(a, b, *more):
        flags = usual | dict(flag.split("=") for flag in more)
        return images.main([str(a), str(b), *map("=".join, flags.items())])

    return ask


def rows(folder):
    """(features, probabilities) of a folder, without the command."""
    found = list(toy.EXTRACTOR(pictures.find(str(folder)).read(Report())))
    return [np.concatenate(column) for column in zip(*found)]


def test_scores_of_two_folders_are_those_of_their_features(tmp_path, ask, capsys):
    a = toy.fill(tmp_path / "a", 45)
    b = toy.fill(tmp_path / "b", 40, brightest=200, seed=1)
    (b / "broken.png").write_bytes(b"")
    out = tmp_path / "scores.json"
    assert ask(a, b, f"--out={out}") == 0
    table = json.loads(out.read_text())
    found = {name: entry["score"] for name, entry in table["scores"].items()}
    (real, _), (fake, probabilities) = rows(a), rows(b)
    want = {
        "fid": fidelity.frechet_distance(Statistics.of(real), Statistics.of(fake)),
        "kid": fidelity.kernel_distance(real, fake),
        "is": fidelity.inception_score(probabilities)[0],
    } | fidelity.neighbours(real, fake, 5)
    assert found == pytest.approx(want, rel=1e-9)
    printed = capsys.readouterr()
    for name, how in (("fid", ""), ("kid", "kernel:poly3|"), ("recall", "k:5|")):
        assert table["scores"][name]["signature"] == f"{name}:toy|{how}n:45+40|v:2"
        assert table["scores"][name]["signature"] in printed.out
    assert "skipped 1: broken image (first: broken.png (0 bytes))" in printed.err
    assert table["skipped"][1]["broken image"]["count"] == 1


def test_a_part_of_the_scores_keeps_no_rows(tmp_path, ask, capsys):
    a = toy.fill(tmp_path / "a", 4)
    assert ask(a, a, "--metrics=fid") == 0
    printed = capsys.readouterr().out
    assert "precision" not in printed and "FID of 4 pictures by 4 features is too large" in printed
    (file,) = (tmp_path / "cache").iterdir()
    assert "features" not in np.load(file)


def test_what_cannot_be_measured_is_said(tmp_path, ask, capsys):
    a = toy.fill(tmp_path / "a", 5)
    assert ask(a, a) == 0
    printed = capsys.readouterr().out
    assert "recall    not measured: both sets need more than 5 pictures" in printed


def test_a_split_of_a_data_set_is_scored_by_a_classifier(easy, classifier, tmp_path, capsys):
    splits = [f"{easy}:{name}" for name in ("test", "held_out")]
    more = [f"--features=scenes:{classifier}", f"--cache={tmp_path}", "--metrics=fid,is"]
    assert images.main([*splits, *more]) == 0
    printed = capsys.readouterr().out
    assert "n:60+40|v:2" in printed and "is        not measured" in printed


@pytest.mark.parametrize(
    "more, sentence",
    [
        (["--metrics=fid,fd"], "--metrics must be some of fid, kid"),
        (["--features=toy"], "names no features"),
        (["--cache=/dev/null/x"], "give another --cache"),
        (["--out=/nowhere/x.json"], "the folder of --out=/nowhere/x.json does not exist"),
    ],
)
def test_wrong_input_is_one_sentence(tmp_path, ask, capsys, more, sentence):
    a = toy.fill(tmp_path / "a", 4)
    assert ask(a, a, *more) == 2
    error = capsys.readouterr().err
    assert sentence in error and len(error.splitlines()) == 1
