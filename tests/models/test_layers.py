"""Blocks by hand, and a stack that is scanned, unrolled or recomputed gives the same."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from itit_jax.models import layers
from itit_jax.models.attention import empty_cache
from tests import tiny

B, N, D, DEPTH = 2, 3, 8, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, N, D)).astype(np.float32)
CAUSAL = np.tril(np.ones((1, 1, N, N), bool))
BLOCK = dict(heads=2, mlp_width=16)


def filled(network, *inputs):
    return tiny.filled(jax.eval_shape(network.init, jax.random.key(0), *inputs))["params"]


def stack(**more):
    return layers.Stack(layers.Block, BLOCK, DEPTH, **more)


UNROLLED = stack(scan=False)
PARAMS = filled(UNROLLED, X)
STACKED = {"layers": jax.tree.map(lambda *a: np.stack(a), *(PARAMS[f"layers_{i}"]
                                                            for i in range(DEPTH)))}  # fmt: skip


@pytest.fixture(scope="module")
def wanted():
    """One block after the other."""
    block, x = jax.jit(layers.Block(**BLOCK).apply), X
    for i in range(DEPTH):
        x, _ = block({"params": PARAMS[f"layers_{i}"]}, x, CAUSAL)
    return np.asarray(x)


@pytest.mark.parametrize(
    "scan, remat", [(False, "none"), (True, "none"), (True, "full"), (False, "dots")]
)
def test_a_stack_is_its_blocks_in_a_row_however_it_is_run(scan, remat, wanted):
    network, params = stack(scan=scan, remat=remat), STACKED if scan else PARAMS
    assert jax.tree.structure(filled(network, X)) == jax.tree.structure(params)
    found, cache = jax.jit(network.apply)({"params": params}, X, CAUSAL)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
    assert cache is None


@pytest.mark.parametrize("scan", [False, True])
def test_a_stack_with_a_cache_is_read_place_by_place(scan, wanted):
    network, params = stack(scan=scan), STACKED if scan else PARAMS
    step, cache = jax.jit(network.apply), empty_cache(DEPTH, B, N, 2, D // 2, scan=scan)
    for i in range(N):
        found, cache = step(
            {"params": params}, X[:, i : i + 1], CAUSAL[:, :, i : i + 1], None, cache, i
        )
        np.testing.assert_allclose(found[:, 0], wanted[:, i], rtol=1e-4, atol=1e-5)
    whole = cache["key"] if scan else jnp.stack([layer["key"] for layer in cache])
    assert whole.shape == (DEPTH, B, 2, N, D // 2) and np.all(np.any(whole != 0, axis=-1))


def test_a_block_is_attention_and_mlp_each_on_normed_input_and_added():
    params = PARAMS["layers_0"]
    norm = lambda name, x: nn.LayerNorm(1e-6).apply({"params": params[name]}, x)
    attention = layers.Attention(2, D // 2)
    x = X + attention.apply({"params": params["attention"]}, norm("attention_norm", X))[0]
    hidden = norm("mlp_norm", x) @ params["mlp"]["up"]["kernel"] + params["mlp"]["up"]["bias"]
    tanh = np.tanh(np.sqrt(2 / np.pi) * (hidden + 0.044715 * hidden**3))
    down = params["mlp"]["down"]
    wanted = x + 0.5 * hidden * (1 + tanh) @ down["kernel"] + down["bias"]
    found, _ = layers.Block(**BLOCK).apply({"params": params}, X)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_dropout_acts_only_where_a_key_is_given():
    block, variables = layers.Block(**BLOCK, dropout=0.5), {"params": PARAMS["layers_0"]}
    run = jax.jit(lambda rngs: block.apply(variables, X, rngs=rngs)[0])
    plain, again, dropped = run({}), run({}), run({"dropout": jax.random.key(0)})
    np.testing.assert_array_equal(plain, again)
    assert not np.allclose(dropped, plain)


def test_ids_and_their_one_hot_rows_are_embedded_alike_and_rows_have_a_gradient():
    table, ids = RNG.normal(size=(5, 4)).astype(np.float32), jnp.array([[1, 4], [0, 0]])
    rows = jax.nn.one_hot(ids, 5)
    np.testing.assert_array_equal(layers.embed(table, ids), table[np.asarray(ids)])
    np.testing.assert_allclose(layers.embed(table, rows), table[np.asarray(ids)], rtol=1e-6)
    slope = jax.grad(lambda r: layers.embed(table, r)[0, 1].sum())(rows)
    np.testing.assert_allclose(slope[0, 1], table.sum(1), rtol=1e-5)
    assert not np.any(slope[1])


@pytest.mark.parametrize("shape", [(2, 7, 64), (7, 64)])
def test_logits_of_bfloat16_are_summed_and_given_in_float32(shape):
    x, table = (jnp.asarray(RNG.normal(size=s), jnp.bfloat16) for s in (shape, (100, 64)))
    exact = np.asarray(x, np.float64) @ np.asarray(table, np.float64).T
    np.testing.assert_allclose(layers.classify(x, table), exact, atol=1e-4)
    slope = jax.grad(lambda x: layers.classify(x, table).sum())(x)
    assert slope.dtype == jnp.bfloat16


def test_tokens_share_what_they_have_in_common():
    features = np.eye(2, dtype=np.float32)[[0, 1, 0]]
    free = layers.TokenTable(3, D)
    tied = layers.TokenTable(3, D, features)
    params = filled(tied)
    np.testing.assert_allclose(
        tied.apply({"params": params}), params["embedding"] + params["projection"][[0, 1, 0]],
        rtol=1e-6,
    )  # fmt: skip
    assert filled(free).keys() == {"embedding"}
