"""Permutations and random numbers without state."""

import numpy as np
import pytest

from data_pipelines.order import BLOCK, draws, mixed, permuted, windowed


@pytest.mark.parametrize("count", [1, 2, 7, 64, 1000])
def test_a_permutation_holds_every_index_once(count):
    order = permuted(np.arange(count), count, 5, "draw", 0)
    assert sorted(order.tolist()) == list(range(count))


def test_permutations_differ_by_seed_stream_and_epoch():
    names = [(0, "draw", 0), (1, "draw", 0), (0, "caption", 0), (0, "draw", 1)]
    orders = [tuple(permuted(np.arange(100), 100, *name)) for name in names]
    assert len(set(orders)) == 4


SHARDS = (5, 0, 3, 9, 1, 4, 4)  # rows


@pytest.mark.parametrize("window", [1, 2, 3, 7, 99])
def test_a_permutation_by_windows_holds_every_index_once_wherever_it_is_asked(window):
    count = sum(SHARDS)
    order = windowed(np.arange(count), SHARDS, window, 5, "draw", 0)
    assert sorted(order.tolist()) == list(range(count))
    some = np.array([20, 3, 3, 11])
    np.testing.assert_array_equal(windowed(some, SHARDS, window, 5, "draw", 0), order[some])


@pytest.mark.parametrize("window", [1, 2, 3])
def test_no_more_shards_than_a_window_holds_are_read_at_a_time(window):
    order = windowed(np.arange(sum(SHARDS)), SHARDS, window, 5, "draw", 0)
    shard = np.searchsorted(np.cumsum(SHARDS), order, side="right")
    first, last = ({s: place for place, s in places} for places in
                   (list(enumerate(shard))[::-1], enumerate(shard)))  # fmt: skip
    for place in range(len(order)):
        assert sum(first[s] <= place <= last[s] for s in first) <= window


def test_permutations_by_windows_differ_by_seed_and_mix_all_shards_of_a_window():
    count, shards = 4000, (100,) * 40
    one, two = (windowed(np.arange(count), shards, 20, seed) for seed in (1, 2))
    assert (one == two).mean() < 0.01
    counts = np.bincount(one[:400] // 100, minlength=40)  # of 20 shards each about 20 rows
    assert (counts > 0).sum() == 20 and counts.max() < 20 + 5 * 20**0.5


def test_a_mixture_gives_each_part_its_share_of_every_block_and_every_row_of_its_order_once():
    index = np.arange(5 * BLOCK)
    part, place = mixed(index, (0.7, 0.2, 0.1), 5, "images")
    for block in range(5):
        assert np.bincount(part[block * BLOCK : (block + 1) * BLOCK]).tolist() == [700, 200, 100]
    for number, share in enumerate((700, 200, 100)):
        assert sorted(place[part == number].tolist()) == list(range(5 * share))
    some = np.array([4321, 7, 999])
    assert all(np.array_equal(a, b[some]) for a, b in zip(mixed(some, (7, 2, 1), 5, "images"),
                                                          (part, place)))  # fmt: skip
    runs = np.diff(np.flatnonzero(np.diff(part)))  # mixed, not one part behind the other
    assert runs.mean() < 3


def test_shares_that_do_not_divide_a_block_are_rounded_to_all_of_it():
    part, _ = mixed(np.arange(BLOCK), (1, 1, 1), 0)
    assert sorted(np.bincount(part).tolist()) == [333, 333, 334]


def test_draws_are_even_and_named_by_index_and_seed():
    found = draws(np.arange(8000), 3, "draw")
    assert found.dtype == np.uint64 and len(set(found.tolist())) == 8000
    for bit in (0, 31, 63):  # a share of ones of 1/2, within five deviations
        ones = (found >> np.uint64(bit) & np.uint64(1)).mean()
        assert abs(ones - 0.5) < 5 * 0.5 / 8000**0.5
    assert np.array_equal(draws(np.array([70, 7]), 3, "draw"), found[[70, 7]])
    assert not np.isin(draws(np.arange(100), 4, "draw"), found).any()
