"""Caption scores against the official scorers, on their tokens and on raw text."""

import json
import pathlib

import numpy as np
import pytest

from itit_jax.evaluation import captions
from itit_jax.evaluation.ptb import tokenize
from tests.evaluation import agreement

DATA = pathlib.Path(__file__).parent / "data"
HUMAN = pathlib.Path(__file__).parents[3] / "shared/data/metric-reference/coco-human.json.gz"
SETS = {
    "coco-fakecap": (DATA / "coco-fakecap.json.gz", 0.999),
    "hard-text": (DATA / "hard-text.json.gz", 0.98),
    "coco-human": (HUMAN, 0.998),
}


@pytest.mark.parametrize("name", SETS)
def test_tokens_and_scores_are_those_of_the_official_scorers(name):
    file, share = SETS[name]
    if not file.exists():
        pytest.skip(f"{file.name} is not here")
    found = agreement.caption_set(agreement.read(file))
    assert found["corpus"] <= 1e-9 and found["item"] <= 1e-9, found  # on their tokens
    assert found["equal_tokens"] >= share, found
    assert found["corpus_of_raw_text"] <= 0.001, found
    assert found["signature"].startswith("cider:ptb-py|refs:")
    assert found["signature"].endswith(f"|n:{found['items']}|v:1")


@pytest.mark.parametrize(
    "text, tokens",
    [
        ("It's the dog's bowl, isn't it?", "it 's the dog 's bowl is n't it"),
        ("A man (in a hat).", "a man -lrb- in a hat -rrb-"),
        ("Mr. Smith of the U.K. can't wait...", "mr. smith of the u.k. ca n't wait"),
        ("a $5.00 well-known\ncup -- 50% off!", "a $ 5.00 well-known cup 50 % off"),
        ("...", ""),
        ("", ""),
    ],
)
def test_tokens_by_hand(text, tokens):
    assert tokenize(text) == tokens


def test_a_caption_equal_to_its_reference_is_perfect():
    texts = ["a red dog runs on the beach", "two men ride their bikes down a street"]
    scores = captions.score(texts, [[t] for t in texts])
    for name, best in zip(agreement.METRICS, (1, 1, 1, 1, 1, 10)):
        assert scores[name]["score"] == pytest.approx(best)


def test_one_caption_more_or_less_moves_the_score_within_its_interval():
    rng = np.random.default_rng(0)
    words = "a dog cat man rides runs the red beach road hat sits".split()  # noqa: SIM905
    make = lambda: " ".join(rng.choice(words, 8))
    texts, references = [make() for _ in range(60)], [[make(), make()] for _ in range(60)]
    for name, entry in captions.score(texts, references).items():
        assert entry["low"] <= entry["score"] <= entry["high"], name
        assert entry["low"] < entry["high"], name


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
        out = files / f"{kind}.out"
        names = [str(files / f"{side}.{kind}") for side in "hr"]
        assert captions.main([*names, f"--out={out}"]) == 0
        printed.append(capsys.readouterr().out)
    assert (files / "json.out").read_text() == (files / "tsv.out").read_text()
    assert printed[0] == printed[1] and "METEOR   not measured: it is a Java" in printed[0]
    assert "SPICE    not measured" in printed[0]
    assert json.loads((files / "json.out").read_text())["ids"] == ["7", "9"]


def test_a_place_that_is_not_there_is_told_before_the_scoring(files, capsys):
    names = [str(files / "nowhere.json"), str(files / "r.tsv")]
    assert captions.main([*names, "--out=/nowhere/x"]) == 2
    assert "the folder of --out=/nowhere/x does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    "hypotheses, references, sentence",
    [
        ("nowhere.json", "r.tsv", "nowhere.json does not exist"),
        ("id\tcaption\n1\ta\n1\tb\n", "r.tsv", "two captions for id 1"),
        ("id\tcaption\n1\ta\n", "r.tsv", "no reference for 1 of 1"),
        ("id\tcaption\n", "r.tsv", "holds no caption"),
        ("name\ttext\n", "r.tsv", "columns id and caption"),
        ("h.json", "broken.json", "is no COCO caption file"),
    ],
)
def test_wrong_files_are_one_sentence(files, hypotheses, references, sentence, capsys):
    (files / "broken.json").write_text('{"annotations": [{"caption": "no id"}]}')
    if "\t" in hypotheses:
        (files / "x.tsv").write_text(hypotheses)
        hypotheses = "x.tsv"
    assert captions.main([str(files / hypotheses), str(files / references)]) == 2
    error = capsys.readouterr().err
    assert sentence in error and len(error.splitlines()) == 1
