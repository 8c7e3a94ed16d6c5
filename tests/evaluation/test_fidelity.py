"""Distances between sets of features: closed forms, brute force, and exact reference values."""

import json
import pathlib

import numpy as np
import pytest

from itit_jax.evaluation import fidelity
from itit_jax.evaluation.fidelity import Statistics

REFERENCE = pathlib.Path(__file__).parents[3] / "shared/data/metric-reference"
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def reference():
    """(values, arrays) in exact or 50-digit arithmetic."""
    if not REFERENCE.exists():
        pytest.skip("the reference values are not here")
    return json.loads((REFERENCE / "frechet.json").read_text()), np.load(REFERENCE / "frechet.npz")


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


def test_too_few_features_are_refused():
    with pytest.raises(ValueError, match="3 real features have no 5-th"):
        fidelity.neighbours(np.zeros((3, 2)), np.zeros((9, 2)), k=5)


def test_frechet_distance_is_that_of_50_digit_arithmetic(reference):
    values, arrays = reference
    for case in values["frechet"]:
        name = case["name"]
        one, two = (
            Statistics(arrays[f"{name}.mu{i}"], arrays[f"{name}.sigma{i}"]) for i in (1, 2)
        )
        singular = min(case["rank1"], case["rank2"]) < case["dim"]
        tolerance = 1e-5 if "badly" in name else 1e-6 if singular else 1e-9
        found = fidelity.frechet_distance(one, two)
        assert found == pytest.approx(case["value"], rel=tolerance, abs=1e-9), name


def test_kernel_distance_is_that_of_rational_arithmetic(reference):
    values, arrays = reference
    for case in values["kid"]:
        x, y = (arrays[f"kid.{case['name']}.{side}"] for side in "xy")
        for kind in ("unbiased", "biased"):
            found = fidelity.kernel_distance(x, y, unbiased=kind == "unbiased")
            assert found == pytest.approx(case[kind], rel=1e-9, abs=1e-12), case["name"]


def test_inception_score_is_the_exact_one(reference):
    values, arrays = reference
    for case in values["inception_score"]:
        p = arrays[f"is.{case['name']}"]
        for key, want in case.items():
            if key.startswith("splits_"):
                found = fidelity.inception_score(p, int(key.removeprefix("splits_")))
                assert found == pytest.approx((want["mean"], want["std"]), rel=1e-9, abs=1e-9)


def test_neighbours_are_counted_exactly(reference):
    values, arrays = reference
    for case in values["precision_recall"]:
        real, fake = (arrays[f"pr.{case['name']}.{side}"] for side in ("real", "fake"))
        for k, want in case["k"].items():
            found = fidelity.neighbours(real, fake, k=int(k))
            keys = ("precision", "recall", "density_strict", "coverage_strict")
            assert list(found.values()) == pytest.approx([want[key] for key in keys]), case["name"]
