"""Quantizers and the shape of the tokenizer."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from itit_jax.models.vqgan import (
    FSQ,
    VQGAN,
    Codebook,
    fold,
    group_norm,
    to_pixels,
    to_signed,
    unfold,
)
from tests.weights.networks import applied, vq_params

LEVELS = (5, 4, 3)


def test_every_fsq_code_survives_quantising_its_own_vector():
    """Ids are mixed radix over the digits; a code's vector must lead back to it."""
    fsq = FSQ(LEVELS)
    ids = np.arange(60)
    vectors = np.asarray(fsq.lookup(ids))
    assert len({tuple(v) for v in vectors.tolist()}) == 60
    digits = fsq.digits()
    np.testing.assert_array_equal(digits @ np.array([1, 5, 20]), ids)
    assert digits.max(0).tolist() == [4, 3, 2]
    # Unbounded inputs whose bounded value is the code: invert tanh by hand.
    half = (np.array(LEVELS) - 1) * 1.001 / 2
    offset = np.where(np.array(LEVELS) % 2 == 0, 0.5, 0.0)
    z = np.arctanh((digits - np.array(LEVELS) // 2 + offset) / half) - np.arctanh(offset / half)
    quantised, back = fsq(jnp.asarray(z, jnp.float32))
    np.testing.assert_array_equal(back, ids)
    np.testing.assert_allclose(quantised, vectors, atol=1e-6)


def test_fsq_gradient_is_that_of_the_bounded_value():
    z = jnp.array([[0.3, -0.2, 0.9]])
    gradient = jax.grad(lambda z: FSQ((5, 5, 5))(z)[0].sum())(z)
    np.testing.assert_allclose(gradient, (1 - np.tanh(z) ** 2) * 2.002 / 2, rtol=1e-5)


def test_a_group_of_a_large_mean_is_normalised_to_its_digits():
    class Normed(nn.Module):
        @nn.compact
        def __call__(self, x):
            return group_norm(x, "norm", jnp.float32)

    x = 100 + np.random.default_rng(0).normal(size=(2, 4, 4, 64)).astype(np.float32)
    found, _ = Normed().init_with_output(jax.random.key(0), x)
    groups = np.float64(x).reshape(2, 16, 32, 2)
    mean, variance = groups.mean((1, 3), keepdims=True), groups.var((1, 3), keepdims=True)
    wanted = (groups - mean) / np.sqrt(variance + 1e-6)
    np.testing.assert_allclose(found.reshape(wanted.shape), wanted, atol=1e-4)


def test_code_features_are_one_hot_digits():
    features = FSQ(LEVELS).features()
    assert features.shape == (60, 12) and (features.sum(1) == 3).all()
    assert features[1].nonzero()[0].tolist() == [1, 5, 9]  # id 1 = digits (1, 0, 0)


def test_codebook_returns_the_nearest_vector():
    book = Codebook(codes=7, width=3)
    z = jax.random.normal(jax.random.key(1), (4, 3))
    params = {"embedding": jax.random.normal(jax.random.key(0), (7, 3))}
    q, ids = book.apply({"params": params}, z)
    distance = np.linalg.norm(np.asarray(z)[:, None] - np.asarray(params["embedding"]), axis=-1)
    np.testing.assert_array_equal(ids, distance.argmin(1))
    np.testing.assert_array_equal(q, params["embedding"][ids])


def test_unfold_inverts_fold():
    x = jax.random.normal(jax.random.key(0), (2, 8, 8, 3))
    np.testing.assert_array_equal(unfold(fold(x, 4), 4), x)
    np.testing.assert_array_equal(fold(x, 4)[0, 0, 1], x[0, :4, 4:].reshape(-1))


def test_pixels_survive_the_signed_range():
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    np.testing.assert_array_equal(to_pixels(to_signed(pixels)), pixels)


@pytest.mark.parametrize("levels", [(), (3, 3)])
def test_decoding_the_ids_gives_the_reconstruction(levels):
    net = VQGAN(
        base=8, multipliers=(1, 2), res_blocks=1, attention_resolutions=(4,), latent_channels=8,
        codes=9, code_width=4, levels=levels, patch=2,
    )
    x = jax.random.uniform(jax.random.key(0), (2, 16, 16, 3), minval=-1)
    variables = net.init(jax.random.key(1), x)
    rebuilt, z, _, ids = net.apply(variables, x)
    assert net.factor == 4 and z.shape == (2, 4, 4, 2 if levels else 4)
    flat = net.apply(variables, x, method="encode")
    assert flat.dtype == jnp.int32 and flat.shape == (2, 16)
    np.testing.assert_array_equal(flat, np.asarray(ids).reshape(2, 16))
    again = net.apply(variables, flat, method="decode")
    np.testing.assert_allclose(again, rebuilt, rtol=1e-4, atol=1e-5)


def test_pixels_in_0_to_1_inside_are_those_of_minus_1_to_1_outside():
    """aMUSEd's VQModel is taming's network on other pixels."""
    signed = VQGAN(
        base=8, multipliers=(1, 1), res_blocks=1, attention_resolutions=(), latent_channels=4,
        codes=7, code_width=4,
    )  # fmt: skip
    unit, variables = signed.clone(unit_pixels=True), {"params": vq_params(signed)}
    x = jax.random.uniform(jax.random.key(0), (2, 8, 8, 3), minval=-1)
    inner = applied(signed, "latents", variables, (x + 1) / 2)
    np.testing.assert_allclose(applied(unit, "latents", variables, x), inner, atol=1e-4)
    ids = jnp.arange(16).reshape(1, 16) % 7
    inner = applied(signed, "decode", variables, ids)
    found = applied(unit, "decode", variables, ids)
    np.testing.assert_allclose(found, 2 * inner - 1, rtol=1e-4, atol=1e-4)
