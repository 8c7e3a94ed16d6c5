"""Attention against the formula in numpy, with masks, biases, another source and a cache."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from itit_jax.models.attention import Attention, empty_cache, key_mask, prefix_causal_mask

B, N, S, D, HEADS, WIDTH = 2, 4, 3, 6, 2, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, N, D)).astype(np.float32)
SOURCE = RNG.normal(size=(B, S, D)).astype(np.float32)
CAUSAL = np.tril(np.ones((1, 1, N, N), bool))


def make(**more):
    network = Attention(HEADS, WIDTH, **more)
    shapes = jax.eval_shape(network.init, jax.random.key(0), X)["params"]
    params = jax.tree.map(lambda x: RNG.normal(size=x.shape).astype(np.float32), shapes)
    return network, params


def by_hand(params, x, seen, mask=None, bias=0.0, scale=WIDTH**-0.5):
    """One head after the other, one query after the other."""
    dense = lambda name, y: y @ params[name]["kernel"] + params[name].get("bias", 0.0)
    out = np.zeros((*x.shape[:2], HEADS * WIDTH))
    mask = np.broadcast_to(True if mask is None else mask, (B, HEADS, x.shape[1], seen.shape[1]))
    bias = np.broadcast_to(bias, mask.shape)
    for b in range(B):
        for h in range(HEADS):
            cut = slice(h * WIDTH, (h + 1) * WIDTH)
            query, key, value = (dense(n, y[b])[:, cut] for n, y in
                                 (("query", x), ("key", seen), ("value", seen)))  # fmt: skip
            for i, q in enumerate(query):
                weight = np.exp(key @ q * scale + bias[b, h, i]) * mask[b, h, i]
                out[b, i, cut] = weight / weight.sum() @ value
    return dense("out", out)


@pytest.mark.parametrize(
    "case",
    [{}, {"mask": CAUSAL}, {"bias": RNG.normal(size=(1, HEADS, N, N))}, {"seen": SOURCE},
     {"mask": key_mask(np.array([[1, 1, 0, 1], [0, 1, 1, 0]], bool))}],
)  # fmt: skip
def test_attention_is_the_formula(case):
    network, params = make()
    seen = case.pop("seen", None)
    found, _ = network.apply({"params": params}, X, **case, source=seen)
    wanted = by_hand(params, X, X if seen is None else seen, **case)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_t5_s_attention_has_no_bias_and_no_scale():
    network, params = make(use_bias=False, scaled=False, init_std=1.0)
    assert all(part.keys() == {"kernel"} for part in params.values())
    found, _ = network.apply({"params": params}, X)
    np.testing.assert_allclose(found, by_hand(params, X, X, scale=1.0), rtol=1e-4, atol=1e-4)


def test_one_position_after_the_other_with_a_cache_is_all_at_once():
    network, params = make()
    whole, _ = network.apply({"params": params}, X, CAUSAL)
    layer = jax.tree.map(lambda a: a[0], empty_cache(1, B, N, HEADS, WIDTH))
    apply = jax.jit(network.apply)
    for i in range(N):
        step, layer = apply(
            {"params": params}, X[:, i : i + 1], CAUSAL[:, :, i : i + 1], None, layer, i
        )
        np.testing.assert_allclose(step[:, 0], whole[:, i], rtol=1e-4, atol=1e-5)
    assert layer["key"].shape == (B, HEADS, N, WIDTH)


def test_a_query_that_sees_nothing_stays_finite():
    network, params = make()
    found, _ = network.apply({"params": params}, X, np.zeros((1, 1, N, N), bool))
    assert np.isfinite(found).all()


def test_words_see_the_valid_prefix_and_earlier_words():
    found = prefix_causal_mask(jnp.array([[True, False], [True, True]]), 3)
    np.testing.assert_array_equal(found[:, 0], [
        [
            [1, 0, 0, 0, 0],
            [1, 0, 0, 0, 0],
            [1, 0, 1, 0, 0],
            [1, 0, 1, 1, 0],
            [1, 0, 1, 1, 1],
        ],
        [
            [1, 1, 0, 0, 0],
            [1, 1, 0, 0, 0],
            [1, 1, 1, 0, 0],
            [1, 1, 1, 1, 0],
            [1, 1, 1, 1, 1],
        ],
    ])  # fmt: skip
