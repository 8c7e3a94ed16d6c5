import math

import numpy as np
import pytest

from itit_jax.evaluation.intervals import bootstrap, entry


def test_a_share_has_the_interval_of_the_binomial_distribution():
    values = np.arange(1000) < 300
    mean, low, high = bootstrap(values, draws=4000)
    width = 1.96 * math.sqrt(0.3 * 0.7 / 1000)
    assert mean == 0.3
    assert low == pytest.approx(0.3 - width, abs=0.003)
    assert high == pytest.approx(0.3 + width, abs=0.003)


def test_intervals_hold_the_truth_as_often_as_they_promise():
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(300):
        _, low, high = bootstrap(rng.normal(size=100), draws=200, level=0.8, seed=trial)
        hits += low <= 0 <= high
    assert 0.72 < hits / 300 < 0.88


def test_a_ratio_is_of_sums_and_not_the_mean_of_ratios():
    mean, low, high = bootstrap(np.array([[1, 1], [0, 9]]))
    assert mean == pytest.approx(0.1)
    assert (low, high) == (0.0, 1.0)


def test_items_of_one_group_are_one_piece_of_evidence():
    values = np.random.default_rng(0).normal(size=200)
    once = bootstrap(np.stack([values, np.ones(200)], axis=1))
    thrice = bootstrap(np.repeat(values, 3), groups=np.repeat(np.arange(200), 3))
    assert thrice == pytest.approx(once)
    alone = bootstrap(np.repeat(values, 3))
    assert (once[2] - once[1]) / (alone[2] - alone[1]) == pytest.approx(3**0.5, rel=0.1)


def test_a_constant_has_no_width():
    assert bootstrap(np.full(50, 0.25)) == (0.25, 0.25, 0.25)


def test_equal_seeds_give_equal_intervals_whatever_the_block(monkeypatch):
    values = np.random.default_rng(0).random(40)
    whole = bootstrap(values, seed=3)
    assert whole == bootstrap(values, seed=3) != bootstrap(values, seed=4)
    monkeypatch.setattr("itit_jax.evaluation.intervals.BLOCK", 400)
    assert bootstrap(values, seed=3) == whole


def test_a_share_has_wilsons_interval():
    # By hand, for z = 1.96: 3 of 10 (Wilson 1927, equation 4), and all and none of 10.
    share, low, high = bootstrap(np.array([1, 1, 1] + [0] * 7))
    assert (share, low, high) == (
        0.3,
        pytest.approx(0.1078, abs=1e-4),
        pytest.approx(0.6032, abs=1e-4),
    )
    z2 = 1.959964**2
    for values, ends in ((np.ones(10), (10 / (10 + z2), 1.0)), (np.zeros(10), (0, z2 / (10 + z2)))):
        assert bootstrap(values)[1:] == pytest.approx(ends, abs=1e-6)
        rows = np.stack([values * 4, np.full(10, 4)], axis=1)  # sums of groups, all right or wrong
        assert bootstrap(rows)[1:] == pytest.approx(ends, abs=1e-6)


@pytest.mark.parametrize("values", [[1.0], [0.0], [0.3], [[2, 3]], [[3, 3]]])
def test_a_single_item_has_no_interval(values):
    estimate, low, high = bootstrap(np.array(values))
    assert math.isfinite(estimate) and math.isnan(low) and math.isnan(high)
    assert set(entry(estimate, low, high)) == {"score"}


def test_no_items_are_refused():
    with pytest.raises(ValueError, match="at least one item"):
        bootstrap(np.zeros(0))


def test_nothing_over_nothing_is_not_a_number():
    assert all(math.isnan(value) for value in bootstrap(np.zeros((5, 2))))
