"""Every held-out example goes through the recipe once, in whatever batches."""

import jax
import numpy as np

from itit_jax.evaluation import rows


class Counts:
    """A recipe that says which rows it was shown."""

    def score(self, params, rows, key):
        return {"seen": rows["text"][:, 0] + 0 * params["x"]}


def test_every_example_is_scored_once_whatever_the_batches_are():
    mesh = jax.sharding.Mesh(jax.devices()[:1], "x")
    x = jax.device_put(np.int32(0), jax.NamedSharding(mesh, jax.P()))
    text = np.arange(2 * (rows.BATCH + 7), dtype=np.int32).reshape(-1, 2)
    examples = {"image": np.zeros((len(text), 1, 1, 3), np.uint8), "text": text, "keys": []}
    found = rows.score_rows(Counts(), {"x": x}, examples)
    np.testing.assert_array_equal(found["seen"], text[:, 0])


class Answers:
    """A recipe whose answer is the first word of the question and the brightness of the picture."""

    def answer(self, params, images, question, key):
        light = images[:, 0, 0, :1].astype(np.int32) + 0 * params["x"]
        return jax.numpy.concatenate([question[:, :1], light], axis=1)


def test_every_question_is_asked_of_its_own_picture():
    mesh = jax.sharding.Mesh(jax.devices()[:1], "x")
    params = {"x": jax.device_put(np.int32(0), jax.NamedSharding(mesh, jax.P()))}
    of = np.arange(rows.BATCH + 9) // 3
    images = np.arange(of[-1] + 1, dtype=np.uint8)[:, None, None, None] * np.ones(3, np.uint8)
    question = np.arange(2 * len(of), dtype=np.int32).reshape(-1, 2)
    found = rows.answer_rows(Answers(), params, {"image": images, "question": question, "of": of})
    np.testing.assert_array_equal(found["answer"], np.stack([question[:, 0], of], axis=1))
