import numpy as np
import pytest

from itit_jax.evaluation.scenes import attributes, counts, score

RED = (0, "circle", "red", "big")
BLUE = (3, "square", "blue", "small")
GREEN = (1, "cross", "green", "big")


def test_f1_by_hand():
    # right, predicted, true: (2, 2, 2), (1, 2, 1), (0, 0, 2) -> 2 * 3 / (4 + 5)
    predicted = [(RED, BLUE), (RED, GREEN), ()]
    true = [(BLUE, RED), (RED,), (RED, BLUE)]
    assert counts(predicted, true).tolist() == [[2, 2, 2], [1, 2, 1], [0, 0, 2]]
    result = score(predicted, true)
    assert result["f1"] == pytest.approx(6 / 9)
    assert result["exact"] == pytest.approx(1 / 3)
    assert result["n"] == 3


@pytest.mark.parametrize("field", range(4))
def test_one_wrong_attribute_makes_an_object_wrong(field):
    wrong = tuple(None if i == field else value for i, value in enumerate(RED))
    assert counts([(wrong,)], [(RED,)]).tolist() == [[0, 1, 1]]


def test_repetition_costs_precision_and_exactness():
    result = score([(RED, RED)], [(RED,)])
    assert result["f1"] == pytest.approx(2 / 3)
    assert result["exact"] == 0


def test_intervals_enclose_the_score_and_shrink_with_items():
    rng = np.random.default_rng(0)
    right = rng.random(800) < 0.6
    true = [((place, *RED[1:]),) for place in range(800)]
    predicted = [truth if ok else (BLUE,) for ok, truth in zip(right, true)]
    few, many = (score(predicted[:n], true[:n]) for n in (50, 800))
    for result in (few, many):
        assert result["f1_low"] < result["f1"] < result["f1_high"]
        assert result["exact_low"] < result["exact"] < result["exact_high"]
    assert many["f1_high"] - many["f1_low"] < few["f1_high"] - few["f1_low"]


def test_pictures_of_the_same_scene_are_no_further_evidence():
    once = score([(RED,), (GREEN,), (BLUE,)], [(RED,), (GREEN,), (RED, BLUE)])
    often = score([(RED,), (GREEN,), (BLUE,)] * 9, [(RED,), (GREEN,), (RED, BLUE)] * 9)
    assert often["n"] == 27
    for name in ("f1", "f1_low", "f1_high", "exact", "exact_low", "exact_high"):
        assert often[name] == pytest.approx(once[name])


def test_attributes_are_read_at_the_place_of_the_true_object():
    near_miss = (0, "circle", "green", "small")
    elsewhere = (2, "circle", "red", "big")
    result = attributes([(near_miss,), (elsewhere,)], [(RED,), (RED,)])
    assert result == {"place": 0.5, "shape": 0.5, "colour": 0.0, "size": 0.0}


def test_lists_of_different_length_are_refused():
    with pytest.raises(ValueError):
        counts([(RED,)], [])
