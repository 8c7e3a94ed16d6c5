"""Recall by hand, with equal texts, equal pictures and equal cosines among the pairs."""

import numpy as np

from itit_jax.evaluation import retrieval

DISTINCT = np.arange(12)


def circle(degrees):
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def test_recall_counts_places_before_the_own_one():
    queries = circle(np.arange(12) * 10)
    shift = np.where(DISTINCT == 0, 26, 0)  # the first one's answer lies behind two others
    found = retrieval.recall(queries, circle(np.arange(12) * 10 + shift), [DISTINCT])
    assert found[1].tolist() == [0] + [1] * 11
    assert found[5].tolist() == [1] * 12 and set(found) == {1, 5, 10}


def test_a_find_that_is_equal_to_the_own_one_is_right():
    queries, answers = circle(DISTINCT * 10), circle(DISTINCT * 10)
    answers[[0, 1]] = answers[[1, 0]]  # swapped
    found = lambda *same: retrieval.recall(queries, answers, same)[1].tolist()
    equal = np.where(DISTINCT == 1, 0, DISTINCT)
    assert found(DISTINCT) == found(DISTINCT, DISTINCT) == [0, 0] + [1] * 10
    assert found(DISTINCT, equal) == found(equal, DISTINCT) == [1] * 12


def test_a_space_where_all_is_one_point_finds_nothing():
    point = np.ones((12, 3)) / 3**0.5
    found = retrieval.recall(point, point, [DISTINCT])
    assert not any(hits.any() for hits in found.values())


def test_chance_is_the_share_of_places():
    rng = np.random.default_rng(0)
    unit = lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)
    vectors = (unit(rng.normal(size=(3000, 8))) for _ in range(2))
    found = retrieval.score(*vectors, [np.arange(3000)])
    assert list(found) == [f"{way}_recall_{k}" for way in ("i2t", "t2i") for k in (1, 5, 10)]
    estimate, low, high = found["t2i_recall_10"]
    assert low <= estimate <= high and abs(estimate - 10 / 3000) < 5 * (10 / 3000 / 3000) ** 0.5


def test_rows_are_of_one_number_where_they_are_equal():
    pixels = np.zeros((4, 2, 2, 3), np.uint8)
    pixels[2, 1, 1, 2] = 7
    assert retrieval.ids(pixels).tolist() == [0, 0, 1, 0]
    assert retrieval.ids(np.array(["b", "a", "b"])).tolist() == [1, 0, 1]
