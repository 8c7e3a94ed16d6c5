"""Exact match, by hand."""

import numpy as np
import pytest

from itit_jax.evaluation import answers
from itit_jax.evaluation.intervals import bootstrap

ASKED = [
    ("what colour is it?", "red", "colour"),
    ("where is it?", "top left", "place"),
    ("is it red?", "yes", "yes_no"),
    ("what colour is it?", "blue", "colour"),
    ("what is it?", "a hat", "other"),
    ("what is it?", "hat", "other"),
]
OF = [0, 0, 1, 1, 2, 2]


def test_case_spaces_and_a_full_stop_do_not_matter_and_all_else_does():
    said = ["Red.", " top  left", "no", "red", "hat", "hats"]
    np.testing.assert_array_equal(answers.right(said, ASKED, OF), [1, 1, 0, 0, 1, 0])


def test_an_answer_to_one_picture_is_not_one_to_another():
    said = ["blue", "", "", "red", "", ""]
    assert answers.right(said, ASKED, OF).sum() == 0


def test_a_question_with_two_answers_counts_once():
    found = answers.score(["red", "left", "yes", "red", "hat", "x"], ASKED, OF, ["a", "b", "c"])
    assert {name: value for name, (value, _, _) in found.items()} == pytest.approx(
        {"exact": 3 / 5, "colour_exact": 1 / 2, "other_exact": 1, "place_exact": 0,
         "yes_no_exact": 1}
    )  # fmt: skip


def test_intervals_resample_what_pictures_show():
    """Four pictures of two scenes: two groups of sums, as if each were asked twice as much."""
    asked = [("is it?", "yes", "yes_no")] * 4
    score = answers.score(["yes", "yes", "no", "yes"], asked, [0, 1, 2, 3], ["a", "a", "b", "b"])
    assert score["exact"] == bootstrap(np.array([[2, 2], [1, 2]]))
