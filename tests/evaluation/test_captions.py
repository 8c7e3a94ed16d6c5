"""The command: captions in files, and what is wrong with them."""

import json

import pytest

from itit_jax.evaluation import captions


@pytest.fixture
def files(tmp_path):
    hypotheses = {"7": "a red dog", "9": "two men on bikes"}
    references = [("7", "a red dog runs"), ("9", "two men ride"), ("7", "one dog"), ("8", "x")]
    table = lambda rows: "".join(f"{a}\t{b}\n" for a, b in [("id", "caption"), *rows])
    (tmp_path / "h.tsv").write_text(table(hypotheses.items()))
    (tmp_path / "r.tsv").write_text(table(references))
    rows = [{"image_id": int(k), "caption": c} for k, c in hypotheses.items()]
    (tmp_path / "h.json").write_text(json.dumps(rows))
    rows = [{"image_id": int(k), "caption": c} for k, c in references]
    (tmp_path / "r.json").write_text(json.dumps({"annotations": rows}))
    return tmp_path


def test_json_and_tables_give_equal_scores(files, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "")  # no Java
    printed = []
    for kind in ("json", "tsv"):
        scores = files / f"{kind}.out"
        names = [str(files / f"{side}.{kind}") for side in "hr"]
        assert captions.main([*names, f"--out={scores}"]) == 0
        out, error = capsys.readouterr()
        printed.append(out)
        assert error == "skipped, no caption: 1, first 8\n"
    assert (files / "json.out").read_text() == (files / "tsv.out").read_text()
    assert printed[0] == printed[1] and "METEOR   not measured: it is a Java" in printed[0]
    assert "SPICE    not measured" in printed[0]
    written = json.loads((files / "json.out").read_text())
    assert written["ids"] == ["7", "9"]
    assert written["skipped"] == {"no caption": {"count": 1, "first": ["8"]}}


def test_a_place_that_is_not_there_is_told_before_the_scoring(files, capsys):
    names = [str(files / "nowhere.json"), str(files / "r.tsv")]
    assert captions.main([*names, "--out=/nowhere/x"]) == 2
    assert "the folder of --out=/nowhere/x does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    "names, sentence",
    [
        (("nowhere.json", "r.tsv"), "nowhere.json does not exist"),
        (("r.tsv", "r.tsv"), "two captions for id 7"),
        (("r.json", "h.json"), "two captions for id 7"),
    ],
)
def test_a_wrong_file_is_one_sentence_and_exit_code_2(names, sentence, files, capsys):
    assert captions.main([str(files / name) for name in names]) == 2
    error = capsys.readouterr().err
    assert sentence in error and len(error.splitlines()) == 1
