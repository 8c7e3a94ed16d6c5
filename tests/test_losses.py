"""Losses by hand, and the straight-through gradient by finite differences."""

import jax
import jax.numpy as jnp
import numpy as np

from itit_jax import losses

LOGITS = jax.random.normal(jax.random.key(0), (2, 3, 5))


def test_smoothed_cross_entropy_equals_the_formula():
    targets = jnp.array([[0, 1, 2], [3, 4, 0]])
    p = np.log(np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True))
    goal = 0.9 * np.eye(5)[np.asarray(targets)] + 0.1 / 5
    np.testing.assert_allclose(
        losses.cross_entropy(LOGITS, targets, 0.1), -(goal * p).sum(-1), rtol=1e-5
    )


def test_masked_mean_ignores_the_rest_and_survives_an_empty_mask():
    values = jnp.array([[1.0, 2.0, 30.0], [4.0, 5.0, 6.0]])
    mask = jnp.array([[True, True, False], [False, False, False]])
    assert losses.masked_mean(values, mask, axis=-1).tolist() == [1.5, 0.0]


COSINES = np.random.default_rng(0).uniform(-1, 1, (4, 4))


def test_infonce_is_the_mean_of_both_ways_to_pick_the_own_one():
    weights = np.exp(14.0 * COSINES)
    own = np.diagonal(weights)
    told = -np.mean(np.log(own / weights.sum(1)) + np.log(own / weights.sum(0))) / 2
    found = losses.infonce(jnp.array(COSINES, jnp.float32), jnp.log(14.0))
    np.testing.assert_allclose(found, told, rtol=1e-5)


def test_cosines_are_multiplied_a_hundred_times_at_most_and_the_factor_finds_its_way_back():
    hard = jnp.array([[-0.1, 0.1], [0.1, -0.1]])  # every answer wrong: a smaller factor is better
    slope = jax.value_and_grad(losses.infonce, argnums=1)
    (at, down), (past, still) = slope(hard, jnp.log(100.0)), slope(hard, jnp.log(300.0))
    np.testing.assert_allclose(past, at, rtol=1e-5)
    np.testing.assert_allclose(still, down, rtol=1e-4)
    assert still > 0 and slope(-hard, jnp.log(300.0))[1] == 0  # right: would go on up


def test_the_sigmoid_asks_of_each_text_whether_it_is_of_the_picture():
    logits = 10 * COSINES - 1.4
    told = -np.log(1 / (1 + np.exp(-np.where(np.eye(4), logits, -logits)))).sum() / 4
    found = losses.sigmoid_contrast(jnp.array(COSINES, jnp.float32), jnp.log(10.0), -1.4)
    np.testing.assert_allclose(found, told, rtol=1e-5)


def test_straight_through_value_is_one_hot_to_the_bit():
    rows = losses.straight_through(LOGITS)
    np.testing.assert_array_equal(rows, np.eye(5)[np.asarray(LOGITS).argmax(-1)])
    chosen = jnp.array([[4, 0, 1], [2, 3, 0]])
    np.testing.assert_array_equal(losses.straight_through(LOGITS, chosen), np.eye(5)[chosen])


def test_straight_through_gradient_is_that_of_the_softmax_output():
    """For a linear downstream, d/dz <w, p(z)> by central differences."""
    w = jax.random.normal(jax.random.key(1), LOGITS.shape)
    gradient = jax.grad(lambda z: jnp.sum(w * losses.straight_through(z)))(LOGITS)
    z, weights = np.asarray(LOGITS, np.float64), np.asarray(w, np.float64)

    def downstream(z):
        p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
        return (weights * p).sum()

    for index in np.ndindex(z.shape):
        step = np.zeros_like(z)
        step[index] = 1e-5
        slope = (downstream(z + step) - downstream(z - step)) / 2e-5
        np.testing.assert_allclose(gradient[index], slope, atol=1e-4)


def test_a_term_counts_with_value_and_gradient_only_when_active():
    term = lambda p, x, ids: jnp.sum(p["w"] ** 2 * x[ids])
    params, x, ids = {"w": jnp.array([3.0, -2.0])}, jnp.array([5.0, 7.0]), jnp.array([1, 0])

    @jax.jit
    def thrice(active):
        value = lambda p: 3 * losses.when(active, term, p, x, ids)
        return jax.value_and_grad(value)(params)

    value, gradient = thrice(True)
    assert float(value) == 3 * (9 * 7 + 4 * 5)
    assert gradient["w"].tolist() == [3 * 2 * 3 * 7, 3 * 2 * -2 * 5]
    value, gradient = thrice(False)
    assert float(value) == 0.0 and gradient["w"].tolist() == [0.0, 0.0]


def test_codebook_losses_move_only_their_own_side():
    z, q = jnp.ones((2, 3)), jnp.zeros((2, 3))
    codebook = jax.grad(lambda z, q: losses.codebook_losses(z, q)[0], argnums=(0, 1))(z, q)
    commitment = jax.grad(lambda z, q: losses.codebook_losses(z, q)[1], argnums=(0, 1))(z, q)
    assert not np.any(codebook[0]) and np.any(codebook[1])
    assert np.any(commitment[0]) and not np.any(commitment[1])


def test_revival_pulls_unused_codes_only():
    codebook = jnp.zeros((4, 2))
    latents, ids = jnp.ones((5, 2)), jnp.array([0, 0, 2, 2, 2])
    pull = jax.grad(lambda c: losses.revival_loss(c, latents, ids, jax.random.key(0)))(codebook)
    assert np.abs(pull).sum(-1).astype(bool).tolist() == [False, True, False, True]


def test_hinge_is_zero_for_a_confident_discriminator():
    assert losses.hinge_discriminator(jnp.full(4, 2.0), jnp.full(4, -2.0)) == 0
    assert losses.hinge_discriminator(jnp.zeros(4), jnp.zeros(4)) == 1
