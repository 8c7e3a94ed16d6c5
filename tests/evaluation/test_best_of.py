"""The best of several drawings, and that they are several."""

import jax
import numpy as np

from itit_jax.evaluation import best_of
from itit_jax.evaluation.rows import BATCH
from tests import tiny
from tests.towers.test_judge import Reds


class Draws:
    """A recipe whose drawings are colours by the key."""

    def draw(self, params, text, key):
        colours = jax.random.randint(key, (len(text), 1, 1, 3), 0, 256) + 0 * params["x"]
        return colours.astype(np.uint8)


def drawn_by(keys, count):
    """Pictures [count] of batches, each by its key."""
    texts = np.zeros((BATCH, 2), np.int32)
    return np.concatenate([Draws().draw({"x": 0}, texts, key) for key in keys])[:count]


def test_the_best_of_several_drawings_is_scored_beside_the_first(monkeypatch):
    """More than a batch; the first are of keys as ITIT splits them; the judge's choice by hand."""
    monkeypatch.setattr(best_of, "judge_of", lambda folder: Reds())
    mesh = jax.sharding.Mesh(jax.devices()[:1], "x")
    params = {"x": jax.device_put(np.int32(0), jax.NamedSharding(mesh, jax.P()))}
    count = BATCH + 3
    text, words = np.zeros((count, 2), np.int32), [["red"], ["blue"]] * (count // 2) + [["red"]]
    drawn = drawn_by([jax.random.split(jax.random.key(number), 3)[2] for number in (0, 1)], count)
    config = tiny.itit_config(evaluate__best_of=4, evaluate__judge="x").evaluate
    examples = {"text": text, "texts": words}
    found = best_of.choose(Draws(), params, examples, drawn, config)

    keys = [jax.random.fold_in(jax.random.key(number), best_of.OTHERS) for number in (0, 1)]
    more = zip(*(jax.random.split(key, 3) for key in keys))
    turns = [drawn, *(drawn_by(each, count) for each in more)]
    vectors = np.stack(turns)[:, :, 0, 0].astype(float)
    channel = np.where([word == ["red"] for word in words], 0, 2)
    cosines = vectors[:, np.arange(count), channel] / np.linalg.norm(vectors, axis=-1)
    np.testing.assert_allclose(found["drawn_cosine"], cosines[0])
    np.testing.assert_allclose(found["best_cosine"], cosines.max(0))
    best = vectors[cosines.argmax(0), np.arange(count)]
    np.testing.assert_array_equal(found["best"][:, 0, 0], best)
    np.testing.assert_array_equal(found["distinct_drawings"], np.full(count, 4.0))


def test_equal_drawings_of_a_text_count_once():
    turns = np.array([[1, 1, 2], [1, 2, 2], [1, 3, 2], [1, 1, 5]], np.uint8)[..., None, None, None]
    np.testing.assert_array_equal(best_of.distinct_of(turns), [1, 3, 2])
