"""Who sees whom on the grid: DALL-E's published case, the rule by loops, and whole sequences."""

import jax.numpy as jnp
import numpy as np
import pytest

from itit_jax.models.sparse_patterns import Pattern, Sight, Written, order

GRIDS = [(4, 4, 3), (3, 5, 3), (5, 3, 5), (4, 4, 11), (2, 2, 1), (1, 6, 3)]
NEAR = ("row", "column", "convolution")


def seen(near, query, rows=4, columns=4, kernel=3, causal=True):
    return np.flatnonzero(Pattern(near, rows, columns, kernel).dense(causal)[query]).tolist()


def test_the_published_case_of_a_4x4_grid():
    assert seen("row", 9) == [5, 6, 7, 8, 9]
    assert seen("column", 9) == [1, 5, 9]
    assert seen("convolution", 9) == [4, 5, 6, 8, 9]


def test_layers_look_along_rows_columns_rows_rows_and_the_last_at_a_neighbourhood():
    names = [pattern.near for pattern in order(8, 4, 4, 3)]
    assert names == ["row", "column", "row", "row", "row", "column", "row", "convolution"]
    assert [pattern.near for pattern in order(1, 4, 4, 3)] == ["convolution"]


def by_hand(near, query, key, columns, kernel, causal):
    """The rule as it is written down, one pair at a time."""
    down, right = query // columns - key // columns, query % columns - key % columns
    half, back = kernel // 2, query - key
    if near == "column":
        return right == 0 and (down >= 0 or not causal)
    if near == "row":
        return 0 <= back <= columns if causal else down == 0
    if not causal:
        return abs(down) <= half and abs(right) <= half
    offsets = {*range(half + 1)}
    for m in range(1, half + 1):
        offsets |= {*range(m * columns - half, m * columns + half + 1)}
    return back >= 0 and back in offsets


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("rows, columns, kernel", GRIDS)
def test_every_pair_is_seen_as_the_rule_says(rows, columns, kernel, causal):
    n = rows * columns
    for near in NEAR:
        told = [[by_hand(near, q, k, columns, kernel, causal) for k in range(n)] for q in range(n)]
        pattern = Pattern(near, rows, columns, kernel)
        np.testing.assert_array_equal(pattern.dense(causal), told, near)
        if causal:  # what it still looks at, and no more
            furthest = max(q - k for q in range(n) for k in range(n) if told[q][k])
            assert furthest < pattern.reach and (pattern.reach == furthest + 1 or near == "column")


def test_a_sequence_sees_words_always_and_of_the_grid_what_is_near():
    pattern = Pattern("row", 2, 2, 3)
    # Two words, begin, four tokens: each token sees two back and itself.
    drawn = Sight(jnp.ones((1, 2), bool), 5, 3).dense(pattern)[0, 0].astype(int).tolist()
    assert drawn[:3] == [[1, 1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0, 0]]
    assert [row[3:] for row in drawn[3:]] == [
        [1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1]
    ]  # fmt: skip
    assert all(row[:3] == [1, 1, 1] for row in drawn[3:])
    # Four tokens, a question of one word, begin and one word: rows see rows, words see all.
    said = Sight(jnp.ones((1, 5), bool), 2, 0).dense(pattern)[0, 0].astype(int).tolist()
    assert said[:5] == [
        [1, 1, 0, 0, 1, 0, 0], [1, 1, 0, 0, 1, 0, 0], [0, 0, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 1, 0, 0],
    ]  # fmt: skip
    assert said[5:] == [[1, 1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1, 1]]


@pytest.mark.parametrize("near", NEAR)
def test_a_ring_holds_each_token_that_is_still_seen_and_shows_no_other(near):
    pattern, words = Pattern(near, 4, 3, 3), 2
    valid, length = jnp.array([[True, False]]), words + 1 + pattern.reach
    ring = [None] * length
    for position in range(pattern.tokens + 1):
        mask, place = Written(valid, jnp.int32(position)).seen(pattern, length)
        ring[int(place)] = position - 1
        shown = [ring[slot] for slot in range(length) if mask[0, 0, 0, slot]]
        near_ones = {*np.flatnonzero(pattern.dense(True)[position - 1])} if position else set()
        assert shown[0] is None and shown[1] == -1  # the valid word, and `begin`
        assert len(shown) == len(set(shown)) and {*shown[2:]} == near_ones
