"""Batches of one size."""

import pytest

from itit_jax.batches import batches_of


@pytest.mark.parametrize("count", range(8))
def test_every_row_counts_once_and_every_batch_is_full(count):
    found = list(batches_of(range(count), 3))
    assert all(len(batch) == 3 for batch, _ in found)
    assert [row for batch, counted in found for row in batch[:counted]] == list(range(count))


def test_the_last_batch_is_filled_with_its_own_rows():
    assert list(batches_of("abcd", 3)) == [(list("abc"), 3), (list("ddd"), 1)]
