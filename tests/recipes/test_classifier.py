"""The classifier's loss by hand, and what of a caption it reads."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import traced_flops
from configs import classifier
from itit_jax.recipes.classifier import Recipe, said_words

WORDS = 7


@pytest.fixture(scope="module")
def recipe():
    c = classifier.defaults()
    c.data.image_size = 8
    c.data.rows.caption = 2
    c.model.update(vocabulary_size=WORDS, channels=(4,), width=5)
    return Recipe(c)


@pytest.fixture(scope="module")
def params(recipe):
    return jax.jit(recipe.init)(jax.random.key(0))


def rows():
    image = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype(np.uint8)
    return {"image": image, "text": np.array([[3, 5, 3, 1, 0], [2, 1, 0, 0, 0]], np.int32)}


def test_a_caption_is_the_set_of_its_words_without_end_and_padding():
    found = said_words(jnp.array([[3, 5, 3, 1, 0], [6, 2, 1, 0, 0]]), WORDS)
    np.testing.assert_array_equal(found, [[0, 1, 0, 1, 0], [1, 0, 0, 0, 1]])


def test_loss_and_f1_are_those_computed_by_hand(recipe, params):
    _, logits = jax.jit(recipe._read)(params, rows()["image"])
    p = 1 / (1 + np.exp(-np.asarray(logits, np.float64)[:, 2:]))
    said = np.array([[0, 1, 0, 1, 0], [1, 0, 0, 0, 0]])
    wrong = -np.mean(said * np.log(p) + (1 - said) * np.log(1 - p), axis=1)
    told = p > 0.5
    f1 = 2 * (told * said).sum(1) / (told.sum(1) + said.sum(1))
    found = jax.jit(recipe.score)(params, rows(), None)
    np.testing.assert_allclose(found["loss"], wrong, rtol=1e-5)
    np.testing.assert_allclose(found["f1"], f1, rtol=1e-6)


def test_every_parameter_learns_and_all_streams_count(recipe, params):
    batch = {"draw": rows(), "caption": jax.tree.map(lambda x: x[:1], rows())}
    step = lambda p: recipe.loss(p, batch, None, 0, p)
    (loss, _), grads = jax.jit(jax.value_and_grad(step, has_aux=True))(params)
    each = np.asarray(jax.jit(recipe.score)(params, rows(), None)["loss"])
    assert float(loss) == pytest.approx((2 * each[0] + each[1]) / 3, rel=1e-5)
    assert all(jnp.any(leaf != 0) for leaf in jax.tree.leaves(grads))


def test_the_formula_of_a_step_is_what_its_program_computes(recipe, params):
    loss = lambda p: recipe.loss(p, {"caption": rows()}, None, 0, p)[0]
    assert traced_flops.count(jax.grad(loss), params) == recipe.flops()["classify"].total > 0
