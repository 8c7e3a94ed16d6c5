"""Permutations and random numbers without state."""

import numpy as np
import pytest

from data_pipelines.order import draws, permuted


@pytest.mark.parametrize("count", [1, 2, 7, 64, 1000])
def test_a_permutation_holds_every_index_once(count):
    order = permuted(np.arange(count), count, 5, "draw", 0)
    assert sorted(order.tolist()) == list(range(count))


def test_permutations_differ_by_seed_stream_and_epoch():
    names = [(0, "draw", 0), (1, "draw", 0), (0, "caption", 0), (0, "draw", 1)]
    orders = [tuple(permuted(np.arange(100), 100, *name)) for name in names]
    assert len(set(orders)) == 4


def test_draws_are_even_and_named_by_index_and_seed():
    found = draws(np.arange(8000), 3, "draw")
    assert found.dtype == np.uint64 and len(set(found.tolist())) == 8000
    for bit in (0, 31, 63):  # a share of ones of 1/2, within five deviations
        ones = (found >> np.uint64(bit) & np.uint64(1)).mean()
        assert abs(ones - 0.5) < 5 * 0.5 / 8000**0.5
    assert np.array_equal(draws(np.array([70, 7]), 3, "draw"), found[[70, 7]])
    assert not np.isin(draws(np.arange(100), 4, "draw"), found).any()
