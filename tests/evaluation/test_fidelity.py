"""Distances between sets of features: closed forms, brute force, and exact reference values."""

import pathlib

import numpy as np
import pytest

from data_pipelines.errors import UserError
from itit_jax.evaluation import fidelity
from itit_jax.evaluation.fidelity import Statistics
from tests.evaluation import agreement

REFERENCE = pathlib.Path(__file__).parents[3] / "shared/data/metric-reference"
RNG = np.random.default_rng(0)


def test_frechet_distance_of_diagonal_gaussians_is_a_sum_over_axes():
    one = Statistics(np.array([1.0, 2.0]), np.diag([4.0, 9.0]))
    two = Statistics(np.array([0.0, 4.0]), np.diag([1.0, 25.0]))
    want = (1 + 4) + (2 - 1) ** 2 + (3 - 5) ** 2
    assert fidelity.frechet_distance(one, two) == pytest.approx(want)


def test_frechet_distance_to_itself_is_zero_and_turning_both_changes_nothing():
    x, y = RNG.normal(size=(200, 6)), RNG.normal(size=(100, 6)) @ RNG.normal(size=(6, 6))
    turn = np.linalg.qr(RNG.normal(size=(6, 6)))[0]
    far = fidelity.frechet_distance(Statistics.of(x), Statistics.of(y))
    turned = fidelity.frechet_distance(Statistics.of(x @ turn), Statistics.of(y @ turn))
    assert far == pytest.approx(turned, rel=1e-9)
    itself = fidelity.frechet_distance(Statistics.of(x), Statistics.of(x))
    assert itself == pytest.approx(0, abs=1e-9)


def test_statistics_are_numpys_mean_and_covariance():
    x = RNG.normal(size=(50, 4))
    np.testing.assert_allclose(Statistics.of(x).covariance, np.cov(x.T), rtol=1e-12)
    np.testing.assert_allclose(Statistics.of(x).mean, x.mean(0), rtol=1e-12)


def test_blocks_change_nothing(monkeypatch):
    x, y = RNG.normal(size=(37, 5)), RNG.normal(size=(23, 5)) + 0.3
    whole = fidelity.kernel_distance(x, y), fidelity.neighbours(x, y, k=3)
    monkeypatch.setattr(fidelity, "BLOCK", 8)
    blocks = fidelity.kernel_distance(x, y), fidelity.neighbours(x, y, k=3)
    assert whole[0] == pytest.approx(blocks[0], rel=1e-12) and whole[1] == blocks[1]


def test_kernel_distance_by_its_double_sum():
    x, y = RNG.normal(size=(5, 3)), RNG.normal(size=(4, 3))
    k = lambda a, b: (a @ b / 3 + 1) ** 3
    inner = lambda s: sum(k(a, b) for i, a in enumerate(s) for j, b in enumerate(s) if i != j)
    cross = sum(k(a, b) for a in x for b in y)
    want = inner(x) / 20 + inner(y) / 12 - 2 * cross / 20
    assert fidelity.kernel_distance(x, y) == pytest.approx(want, rel=1e-12)


def test_inception_score_is_one_for_one_opinion_and_the_number_of_classes_at_best():
    assert fidelity.inception_score(np.full((6, 4), 0.25))[0] == pytest.approx(1.0)
    assert fidelity.inception_score(np.eye(4)[[0, 1, 2, 3]])[0] == pytest.approx(4.0)


def test_equal_sets_have_full_recall_and_far_sets_have_none():
    x = RNG.normal(size=(40, 3))
    assert fidelity.neighbours(x, x, k=3)["precision"] == 1.0
    assert set(fidelity.neighbours(x, x + 100, k=3).values()) == {0.0}


@pytest.mark.parametrize("middle", [0, 10**6, 10**8])
def test_features_far_from_zero_are_as_far_from_each_other(middle):
    rng = np.random.default_rng(5)
    x, y = rng.integers(-50, 50, (60, 4)), rng.integers(-50, 50, (50, 4)) + 20
    assert fidelity.neighbours(x + middle, y + middle, k=3) == fidelity.neighbours(x, y, k=3)
    assert fidelity.neighbours(x, y + 10**8, k=3)["precision"] == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_no_numbers_are_told(value):
    x, y = RNG.normal(size=(12, 3)), RNG.normal(size=(12, 3))
    y[7, 1] = value
    running = fidelity.Running()
    for measure in (
        lambda: fidelity.Statistics.of(y),
        lambda: running.add(y),
        lambda: fidelity.kernel_distance(x, y),
        lambda: fidelity.neighbours(x, y, k=3),
        lambda: fidelity.inception_score(y),
    ):
        with pytest.raises(UserError, match="1 of 12 .* hold NaN or Inf, first row 7"):
            measure()


def test_too_few_features_are_refused():
    with pytest.raises(ValueError, match="3 real features have no 5-th"):
        fidelity.neighbours(np.zeros((3, 2)), np.zeros((9, 2)), k=5)


@pytest.mark.parametrize("measure", agreement.FIDELITY)
def test_distances_are_those_of_exact_arithmetic(measure):
    if not REFERENCE.exists():
        pytest.skip("the reference values are not here")
    found = agreement.fidelity_sets(REFERENCE)[measure]
    assert found["cases"] > 4 and found["largest_share_of_tolerance"] <= 1, found
