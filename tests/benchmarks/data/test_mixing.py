"""How far an order is from uniform is told by numbers of known values."""

import numpy as np

from benchmarks.data import mixing
from data_pipelines import order

SHARDS = (50,) * 40


def test_uniform_order_is_1_and_no_order_at_all_is_nearly_0(monkeypatch):
    found = mixing.mixed(SHARDS, 0, 64)
    assert 0.95 < found["apart"] < 1.05
    by_chance = 40 * (1 - (1 - 1 / 40) ** 64)
    np.testing.assert_allclose(found["shards_a_batch"], by_chance, rtol=0.03)
    monkeypatch.setattr(order, "permuted", lambda index, *_: index)
    assert mixing.mixed(SHARDS, 0, 50) == {"apart": 0.001, "shards_a_batch": 1.0}


def test_windows_hold_records_of_a_shard_as_near_as_a_window_is_wide():
    found = mixing.mixed(SHARDS, 4, 200)
    assert 0.09 < found["apart"] < 0.12  # a tenth, and more where shards follow in other windows
    assert found["shards_a_batch"] == 4
    assert mixing.mixed(SHARDS, 40, 64)["apart"] > 0.9
