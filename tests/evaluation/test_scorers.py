"""Scorers of a run: numbers, and by which network those of drawings were made."""

import numpy as np
import pytest

from data_pipelines.errors import UserError
from itit_jax.evaluation import features, scorers
from itit_jax.evaluation.intervals import wilson
from tests import tiny
from tests.evaluation import toy


@pytest.fixture
def toys(monkeypatch):
    """(config, examples, results) of nine pictures and as many drawings."""
    monkeypatch.setitem(features.KINDS, "toy", lambda path: toy.EXTRACTOR)
    real, drawn = np.random.default_rng(0).integers(0, 256, (2, 9, 6, 6, 3)).astype(np.uint8)
    return tiny.itit_config(evaluate__features="toy:x"), {"image": real}, {"drawn": drawn}


def test_scores_of_drawings_name_their_features(toys):
    config, examples, results = toys
    found = scorers.of_pictures(results, examples, config)
    assert found.pop("t2i_features") == "toy"
    assert found["t2i_fid"] > 0 and all(isinstance(value, float) for value in found.values())


def test_a_recipe_that_does_not_draw_has_no_such_scores(toys):
    assert scorers.of_pictures({}, toys[1], toys[0]) == {}


def test_one_picture_is_no_set(toys):
    config, *both = toys
    examples, results = ({name: rows[:1] for name, rows in part.items()} for part in both)
    with pytest.raises(UserError, match="needs two pictures and the split has one"):
        scorers.of_pictures(results, examples, config)


def test_what_is_one_number_an_example_is_averaged_and_nothing_else():
    results = {"loss": np.array([1.0, 3.0]), "drawn": np.zeros((2, 4, 4, 3), np.uint8)}
    assert scorers.of_examples(results, {}, None) == {"loss": 2.0}


def test_pairs_with_vectors_are_looked_for_both_ways_with_an_interval():
    vectors = np.eye(6)
    examples = {
        "image": np.arange(6).reshape(6, 1), "text": np.array([[0], [1], [2], [2], [3], [4]]),
        "keys": ["a", "b", "c", "d", "e#0", "e#1"],
    }  # fmt: skip
    # Neighbours are swapped: of the second two the texts are equal, the last show one thing.
    results = {"image_vector": vectors, "text_vector": vectors[[1, 0, 3, 2, 5, 4]]}
    found = scorers.of_pairs(results, examples, None)
    assert found["i2t_recall_1"] == found["t2i_recall_1"] == pytest.approx(2 / 3)
    assert found["i2t_recall_1_low"] < 2 / 3 < found["i2t_recall_1_high"]
    assert scorers.of_pairs({"drawn": vectors}, examples, None) == {}


def test_the_best_of_several_drawings_has_scores_of_its_own(toys):
    config, examples, results = toys
    both = results | {"best": examples["image"]}
    found = scorers.of_pictures(both, examples, config)
    assert found["t2i_best_fid"] < 1e-6 < found["t2i_fid"]


def test_what_the_tokenizer_rebuilt_is_measured_as_a_set_too(toys):
    config, examples, results = toys
    found = scorers.of_pictures(results | {"rebuilt": examples["image"]}, examples, config)
    assert found["tokenizer_fid"] < 1e-6 < found["t2i_fid"]


def test_answers_are_scored_by_kind_with_intervals(monkeypatch):
    class Words:
        def decode(self, ids):
            return " ".join(map(str, ids))

    monkeypatch.setattr(scorers.inputs, "open_vocabulary", lambda config: Words())
    examples = {
        "asked": [("a?", "1 2", "count"), ("b?", "3", "place"), ("c?", "4", "place")],
        "of": np.array([0, 0, 1]), "keys": ["x#0", "y#1"],
    }  # fmt: skip
    found = scorers.of_answers({"answer": [[1, 2], [3], [5]]}, examples, None)
    assert found["answer_exact"] == pytest.approx(2 / 3)
    assert (found["answer_count_exact"], found["answer_place_exact"]) == (1, 0.5)
    ends = [found[f"answer_place_exact_{end}"] for end in ("low", "high")]
    assert ends == pytest.approx(wilson(0.5, 2))  # of two scenes, whatever the questions
    assert scorers.of_answers({"drawn": [0]}, {}, None) == {}
    for other in (scorers.of_pairs, scorers.of_pictures):
        assert other({"answer": []}, examples, None) == {}
