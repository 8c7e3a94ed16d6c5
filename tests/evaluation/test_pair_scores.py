"""How well pictures fit texts: the formula, and several captions a picture."""

import numpy as np
import pytest

from itit_jax.evaluation import pair_scores


def test_similarity_is_a_hundred_cosines_and_never_negative():
    image, text = [[3, 4], [2, 0], [1, 1]], [[30, 40], [0, 1], [-1, -1]]
    np.testing.assert_allclose(pair_scores.similarity(image, text), [100, 0, 0], atol=1e-12)
    assert pair_scores.similarity([[1, 0]], [[1, 1]])[0] == pytest.approx(100 / np.sqrt(2))


class Fake:
    """Towers whose features are the numbers in pictures and texts."""

    signature = "fake"

    def image_features(self, pictures):
        return np.array([[1.0, float(p)] for p in pictures])

    def text_features(self, texts):
        return np.array([[1.0, float(t)] for t in texts])


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
    assert found["signature"] == "clip_score:100max(cos,0)|tower:fake|n:5|v:1"
    monkeypatch.setattr(pair_scores, "CHUNK", 2)
    assert pair_scores.score(Fake(), pictures, captions) == found
