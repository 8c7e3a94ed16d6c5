"""What a judge thinks of drawings, by hand; and who has none."""

import numpy as np
import pytest

from data_pipelines.errors import UserError
from itit_jax.towers import judge


class Reds:
    """Likes red for "red" and blue for "blue"."""

    signature = "reds"

    def image_features(self, pictures):
        return np.stack([picture.reshape(-1, 3).mean(0) for picture in pictures])

    def text_features(self, texts):
        return np.array([{"red": [2, 0, 0], "blue": [0, 0, 0.5]}[text] for text in texts])


def plain(*colour):
    return np.full((2, 2, 3), colour, np.uint8)


def test_each_drawing_is_held_against_its_own_text():
    turns = [[plain(3, 4, 0), plain(3, 4, 0)], [plain(9, 0, 0), plain(0, 3, 4)]]
    found = judge.cosines(Reds(), turns, ["red", "blue"])
    np.testing.assert_allclose(found, [[0.6, 0.0], [1.0, 0.8]])


@pytest.mark.parametrize("best_of", [0, -1, 2.5])
def test_at_least_one_is_drawn(best_of):
    with pytest.raises(UserError, match=f"best_of is {best_of}; draw at least 1"):
        judge.check(best_of, "towers")


def test_one_drawing_needs_no_judge_and_two_do():
    judge.check(1, None)
    with pytest.raises(UserError, match="best_of is 2, but nobody chooses among them; give a"):
        judge.check(2, "")
