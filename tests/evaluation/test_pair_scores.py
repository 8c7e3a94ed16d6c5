"""How well pictures fit texts: the formula, and several captions a picture."""

import numpy as np
import pytest

from data_pipelines.errors import UserError
from itit_jax.evaluation import pair_scores


@pytest.mark.parametrize(
    "name, wanted", [("pictures", [100, 0, 0]), ("torchmetrics", [100, 0, -100]),
                     ("hessel", [2.5, 0, 0])]
)  # fmt: skip
def test_a_pair_by_each_formula(name, wanted):
    image, text = [[3, 4], [2, 0], [1, 1]], [[30, 40], [0, 1], [-1, -1]]
    formula = pair_scores.FORMULAS[name]
    np.testing.assert_allclose(pair_scores.similarity(image, text, formula), wanted, atol=1e-12)


@pytest.mark.parametrize(
    "image, told", [([[1, np.nan]], "1 of 1 features of pictures hold NaN"), ([[0, 0]], "all 0")]
)
def test_features_without_a_direction_are_told(image, told):
    with pytest.raises(UserError, match=told):
        pair_scores.cosines(image, [[1, 2]])


class Fake:
    """Towers whose features are the numbers in pictures and texts."""

    signature = "fake"

    def image_features(self, pictures):
        return np.array([[1.0, float(p)] for p in pictures])

    def text_features(self, texts):
        self.said = texts
        return np.array([[1.0, float(t.split()[-1])] for t in texts])


def test_a_picture_of_many_captions_counts_once(monkeypatch):
    pictures, captions = (
        [lambda i=i: i for i in range(5)],
        [["0"], ["1", "-1"], ["2"], ["9"], ["4"]],
    )
    found = pair_scores.score(Fake(), pictures, captions)
    want = [100, 50, 100, (1 + 27) / np.sqrt(10 * 82) * 100, 100]
    np.testing.assert_allclose(found["items"], want)
    assert found["score"] == pytest.approx(np.mean(want))
    assert found["low"] < found["score"] < found["high"]
    name = pair_scores.FORMULAS["pictures"].name
    assert found["signature"] == f"clip_score:{name}|tower:fake|n:5|v:2"
    monkeypatch.setattr(pair_scores, "CHUNK", 2)
    assert pair_scores.score(Fake(), pictures, captions) == found


def test_the_score_of_torchmetrics_and_of_hessel_are_means_over_pairs():
    pictures, captions = [lambda: 0, lambda: 1], [["0"], ["1", "-1", "-1"]]
    cosines = np.array([1, 1, 0, 0])
    towers = Fake()
    found = pair_scores.score(towers, pictures, captions, "torchmetrics")
    assert found["score"] == pytest.approx(100 * cosines.mean()) and towers.said[1] == "1"
    found = pair_scores.score(towers, pictures, captions, "hessel")
    assert found["score"] == pytest.approx(2.5 * cosines.mean())
    assert towers.said[1] == "A photo depicts 1" and "A photo depicts" in found["signature"]
    opposite = pair_scores.score(towers, [lambda: 3] * 2, [["-1"], ["-9"]], "torchmetrics")
    assert opposite["score"] == 0.0 and max(opposite["items"]) < 0
