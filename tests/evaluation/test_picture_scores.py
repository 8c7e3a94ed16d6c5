"""Scores of two sets of pictures: their intervals, splits and signatures."""

import numpy as np
import pytest

from itit_jax.evaluation import fidelity
from itit_jax.evaluation.collected import Collected
from itit_jax.evaluation.fidelity import Statistics
from itit_jax.evaluation.picture_scores import score, shuffled


# KID of N(0, 1) and N(shift, 1) in 3 dimensions, by the moments of their products.
@pytest.mark.parametrize("shift, truth, least", [(0.0, 0.0, 190), (1.0, 32 / 3, 170)])
def test_intervals_of_kid_hold_the_truth_about_as_often_as_they_say(shift, truth, least):
    rng, hits = np.random.default_rng(0), 0
    draw = lambda shift: Collected(60, None, {}, rng.normal(size=(60, 3)) + shift)
    for _ in range(200):
        kid = score(draw(0), draw(shift), ["kid"], "x")["kid"]
        hits += kid["low"] <= truth <= kid["high"]
    assert hits >= least


@pytest.mark.parametrize("count, splits", [(499, 1), (500, 10)])
def test_inception_score_is_split_where_every_part_has_enough_pictures(count, splits):
    p = np.random.default_rng(0).dirichlet(np.ones(5) / 5, count)
    sets = [Collected(count, None, {}, None, p)] * 2
    found = score(*sets, ["is"], "x")["is"]
    mean, deviation = fidelity.inception_score(shuffled(p), splits)
    assert found["score"] == pytest.approx(mean) and f"|splits:{splits}|" in found["signature"]
    assert ("low" in found) == (splits > 1)
    if splits > 1:
        assert found["high"] - found["low"] == pytest.approx(2 * deviation)


def test_files_that_lie_class_by_class_score_as_mixed_ones_do():
    rng = np.random.default_rng(0)
    classes = np.repeat(np.arange(10), 100)
    p = np.eye(10)[classes] * 0.98 + 0.002
    x, y = (3 * rng.normal(size=(10, 4))[classes] + rng.normal(size=(1000, 4)) for _ in range(2))
    order, width = rng.permutation(1000), {}
    for name, real in {"by class": x, "mixed": x[order]}.items():
        sets = Collected(1000, None, {}, real), Collected(1000, None, {}, y, p)
        found = score(*sets, ["is", "kid"], "x")
        assert 8 < found["is"]["score"] < 10  # of parts of one class each it is 1
        width[name] = found["kid"]["high"] - found["kid"]["low"]
    assert width["by class"] == pytest.approx(width["mixed"], rel=0.7)


def test_each_neighbour_score_resamples_the_set_it_is_a_mean_of():
    rng = np.random.default_rng(0)
    x = Collected(40, None, {}, rng.normal(size=(40, 2)))
    y = Collected(400, None, {}, rng.normal(size=(400, 2)) + 1.2)
    found = score(x, y, ["precision", "recall"], "x")
    width = {name: entry["high"] - entry["low"] for name, entry in found.items()}
    assert width["recall"] > 2 * width["precision"]
    assert found["recall"]["interval"].endswith("of A")
    assert found["precision"]["interval"].endswith("of B")


def test_features_without_classes_have_no_inception_score():
    sets = [Collected(9, Statistics(np.zeros(2), np.eye(2)), {}, np.zeros((9, 2)))] * 2
    assert score(*sets, ["is"], "x")["is"]["missing"] == "these features tell no classes"
