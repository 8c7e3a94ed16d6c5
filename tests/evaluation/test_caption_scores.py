"""Caption scores against the official scorers, on their tokens and on raw text."""

import pathlib

import numpy as np
import pytest

from data_pipelines.errors import UserError
from itit_jax.evaluation import caption_scores
from tests.evaluation import agreement

DATA = pathlib.Path(__file__).parent / "data"
HUMAN = pathlib.Path(__file__).parents[3] / "shared/data/metric-reference/coco-human.json.gz"
SETS = {
    "coco-fakecap": DATA / "coco-fakecap.json.gz",
    "hard-text": DATA / "hard-text.json.gz",
    "coco-human": HUMAN,
}


@pytest.mark.parametrize("name", SETS)
def test_tokens_and_scores_are_those_of_the_official_scorers(name):
    file = SETS[name]
    if not file.exists():
        pytest.skip(f"{file.name} is not here")
    found = agreement.caption_set(agreement.read(file))
    assert found["corpus"] <= 1e-9 and found["item"] <= 1e-9, found  # on their tokens
    assert found["equal_tokens"] == 1 and found["corpus_of_raw_text"] <= 1e-9, found
    assert found["signature"].startswith("cider:ptb-py|refs:")
    assert found["signature"].endswith(f"|n:{found['items']}|v:2")


def test_a_caption_equal_to_its_reference_is_perfect():
    texts = ["a red dog runs on the beach", "two men ride their bikes down a street"]
    scores = caption_scores.score(texts, [[t] for t in texts])
    for name, best in zip(agreement.METRICS, (1, 1, 1, 1, 1, 10)):
        assert scores[name]["score"] == pytest.approx(best)


def test_one_caption_more_or_less_moves_the_score_within_its_interval():
    rng = np.random.default_rng(0)
    words = "a dog cat man rides runs the red beach road hat sits".split()  # noqa: SIM905
    make = lambda: " ".join(rng.choice(words, 8))
    texts, references = [make() for _ in range(60)], [[make(), make()] for _ in range(60)]
    for name, entry in caption_scores.score(texts, references).items():
        assert entry["low"] <= entry["score"] <= entry["high"], name
        assert entry["low"] < entry["high"], name


def test_cider_of_one_picture_is_not_measured_and_that_of_two_is():
    one = caption_scores.score(["a red dog"], [["a red dog"]])
    assert "two pictures or more" in one["CIDEr"]["missing"] and one["Bleu_1"]["score"] > 0.99
    two = caption_scores.score(["a red dog", "a cat"], [["a red dog"], ["a cat"]])
    assert "score" in two["CIDEr"]


@pytest.mark.parametrize("value", [None, float("nan"), 3, ["a dog"], b"a dog"])
def test_what_is_no_caption_is_refused_by_its_item(value):
    with pytest.raises(UserError, match="a hypothesis of item 1 is no text but"):
        caption_scores.score(["a dog", value], [["a dog"], ["a cat"]])
    with pytest.raises(UserError, match="a reference of item 0 is no text but"):
        caption_scores.score(["a dog", "a cat"], [["a dog", value], ["a cat"]])


@pytest.mark.parametrize(
    "references", [[["a dog"]], ["a dog", "a cat"], [["a"], []], [["a"], None]]
)
def test_references_that_are_no_lists_are_refused(references):
    with pytest.raises(UserError, match="list of references"):
        caption_scores.score(["a dog", "a cat"], references)


@pytest.mark.parametrize("end", ["\r", "\v", "\x85", "\u2028"])
@pytest.mark.parametrize("tokens", ["", "given"])
def test_ends_of_lines_are_spaces(end, tokens):
    score = lambda text: caption_scores.score([text, "a b"], [["a red dog"], ["b"]], tokens)
    assert score(f"a red{end}dog") == score("a red dog")
