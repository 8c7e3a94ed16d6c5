"""T5's encoder against its formulas in NumPy; tests/weights holds it to transformers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from itit_jax.models.t5 import T5Encoder, near_first, relative_buckets
from tests import tiny

SIZE = dict(vocabulary_size=40, width=24, mlp_width=32, depth=2, heads=3, head_width=8)
TOKENS = np.array([[5, 9, 1, 0, 0], [7, 3, 2, 8, 1]])
VALID = TOKENS > 0


def encoder(scan=False):
    return T5Encoder(**SIZE, scan=scan)


def random_params(scan=False):
    return tiny.parameters(encoder(scan), TOKENS, VALID)["params"]


def rms(x, scale):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * scale


def by_formula(params, tokens, valid):
    """papers.md 4.1, one position after the other."""
    p = jax.tree.map(lambda a: np.asarray(a, np.float64), params)
    x = p["token_embedding"][tokens]
    n = tokens.shape[1]
    bias = np.zeros((SIZE["heads"], n, n))
    for i in range(n):
        for j in range(n):
            bias[:, i, j] = p["relative_bias"][bucket(j - i)]
    for layer in range(SIZE["depth"]):
        b = p["encoder"][f"layers_{layer}"]
        h = rms(x, b["attention_norm"]["scale"])
        q, k, v = (
            (h @ b["attention"][m]["kernel"]).reshape(*h.shape[:2], 3, 8)
            for m in ("query", "key", "value")
        )
        logits = np.einsum("bqhk,bshk->bhqs", q, k) + bias
        logits = np.where(valid[:, None, None], logits, -1e9)
        w = np.exp(logits - logits.max(-1, keepdims=True))
        w /= w.sum(-1, keepdims=True)
        mixed = np.einsum("bhqs,bshk->bqhk", w, v).reshape(*h.shape[:2], 24)
        x = x + mixed @ b["attention"]["out"]["kernel"]
        h = rms(x, b["mlp_norm"]["scale"])
        gate = h @ b["mlp"]["wi_0"]["kernel"]
        gate = 0.5 * gate * (1 + np.tanh(np.sqrt(2 / np.pi) * (gate + 0.044715 * gate**3)))
        x = x + (gate * (h @ b["mlp"]["wi_1"]["kernel"])) @ b["mlp"]["wo"]["kernel"]
    return rms(x, p["final_norm"]["scale"])


def bucket(distance):
    """Bidirectional bucket of 32 with largest distance 128, for one pair."""
    half = 16 if distance > 0 else 0
    size = abs(distance)
    if size < 8:
        return half + size
    far = 8 + int(np.log(size / 8) / np.log(128 / 8) * 8)
    return half + min(far, 15)


def test_features_equal_the_formulas():
    features = encoder().apply({"params": random_params()}, TOKENS, VALID)
    expected = by_formula(random_params(), TOKENS, VALID)
    np.testing.assert_allclose(features[VALID], expected[VALID], rtol=2e-4, atol=2e-5)


def test_buckets_at_their_exact_borders():
    buckets = relative_buckets(200)
    # 8 opens the logarithmic part; 16, 32 and 64 are two buckets apart each; 128 is the last.
    assert [int(buckets[i, 0]) for i in (7, 8, 16, 32, 64, 127, 128, 199)] == [
        7, 8, 10, 12, 14, 15, 15, 15
    ]
    assert [int(buckets[0, i]) for i in (1, 7, 8, 16, 128)] == [17, 23, 24, 26, 31]


def test_scaled_init_is_that_of_t5():
    params = T5Encoder(100, 256, 512, 1, 4, 64, scan=False).init(jax.random.key(0), TOKENS, VALID)
    block = params["params"]["encoder"]["layers_0"]
    std = lambda *path: float(jnp.std(jax.tree.reduce(lambda a, b: b, _at(block, path))))
    assert std("attention", "query") == pytest.approx((256 * 64) ** -0.5, rel=0.05)
    assert std("attention", "key") == pytest.approx(256**-0.5, rel=0.05)
    assert std("mlp", "wo") == pytest.approx(512**-0.5, rel=0.05)


def _at(tree, path):
    for name in path:
        tree = tree[name]
    return tree["kernel"]


def test_before_training_every_head_weighs_near_words_more_by_a_slope_of_its_own():
    key = jax.random.key(0)
    found = near_first(key, (32, 4)) - 1.5 * jax.random.normal(key, (32, 4))
    expected = [[-(bucket(d) % 16) * slope for slope in (1, 0.5, 0.25, 0.125)] for d in (-3, 0, 3)]
    rows = np.array([bucket(d) for d in (-3, 0, 3)])
    np.testing.assert_allclose(found[rows], expected, atol=1e-5)
