"""Attention by blocks beside the same with a dense mask: values, gradients, caches, stacks."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from itit_jax.decoding import autoregressive
from itit_jax.models import sparse_attention
from itit_jax.models.attention import Attention
from itit_jax.models.ernie_vilg import ErnieViLG
from itit_jax.models.sparse_patterns import Pattern, Sight
from tests import tiny

BATCH, HEADS, HEAD = 2, 2, 4
# (source without the grid, places of the target without it): drawn from words; said of a picture;
# answered from a picture and a question.
SEQUENCES = {"draw": (3, 1), "caption": (0, 4), "answer": (3, 2)}


def sight(name, pattern):
    words, targets = SEQUENCES[name]
    drawn = name == "draw"
    valid = jnp.arange(words) < jnp.array([[words], [1]])
    if not drawn:
        valid = jnp.concatenate([jnp.ones((BATCH, pattern.tokens), bool), valid], axis=1)
    return Sight(valid, targets + pattern.tokens * drawn, words + 1 if drawn else 0)


PATTERNS = [
    Pattern("row", 4, 3, 3), Pattern("column", 4, 3, 3), Pattern("convolution", 4, 3, 3),
    Pattern("convolution", 2, 5, 5), Pattern("convolution", 3, 3, 11),
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
@pytest.mark.parametrize("name", SEQUENCES)
def test_blocks_equal_the_dense_mask_in_values_and_gradients(name, pattern):
    seen = sight(name, pattern)
    length = seen.valid.shape[1] + seen.targets
    keys = jax.random.split(jax.random.key(0), 4)
    *inputs, weights = (jax.random.normal(k, (BATCH, HEADS, length, HEAD)) for k in keys)

    def by_mask(q, k, v):
        return Attention(HEADS, HEAD).attend(q, k, v, seen.dense(pattern))

    def by_blocks(q, k, v):
        return sparse_attention.attend(q, k, v, seen, pattern)

    def of(attend):
        """Its values and its gradients."""
        found, back = jax.vjp(attend, *inputs)
        return found, *back(weights)

    for a, b in zip(*jax.jit(lambda: (of(by_mask), of(by_blocks)))()):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_no_product_is_as_large_as_all_pairs_of_the_grid():
    for name in SEQUENCES:
        for near in ("row", "column", "convolution"):
            pattern = Pattern(near, 16, 16, 3)
            seen = sight(name, pattern)
            length = seen.valid.shape[1] + seen.targets
            x = jnp.zeros((BATCH, HEADS, length, HEAD))
            run = lambda q, s=seen, p=pattern: sparse_attention.attend(q, q, q, s, p).sum()
            program = str(jax.make_jaxpr(jax.grad(run))(x))
            made = re.findall(r"\[[\d,]*\b(\d+),(\d+)\]", program)
            assert made and max(int(q) * int(k) for q, k in made) < pattern.tokens**2


# ---- the network with sparse layers ------------------------------------------------------------

TOKENS, LENGTH, DEPTH = 9, 4, 6  # a period is scanned, two layers are not
IMAGE = jax.random.randint(jax.random.key(0), (BATCH, TOKENS), 0, 7)
TEXT = jnp.array([[4, 9, 6, 1], [5, 1, 0, 0]])
TARGETS = {
    "draw": ((None, TEXT), "image", IMAGE),
    "caption": ((IMAGE, None), "text", TEXT[:, :-1]),
    "answer": ((IMAGE, TEXT), "text", TEXT[::-1, :-1]),
}


@functools.cache
def network(kernel=3, scan=True):
    return ErnieViLG(
        width=8, depth=DEPTH, heads=2, mlp_width=8, codes=7, tokens=TOKENS, vocabulary_size=11,
        text_length=LENGTH, kernel=kernel, scan=scan,
    )  # fmt: skip


@functools.cache
def params():
    shapes = jax.eval_shape(network().init, jax.random.key(1), IMAGE, TEXT)["params"]
    return tiny.filled(shapes)


@functools.cache
def states(name, scan=True):
    source, kind, ids = TARGETS[name]
    tree = params() if scan else unrolled(params())
    run = jax.jit(lambda p: network(scan=scan).apply(
        {"params": p}, source, kind, ids, method="states"
    ))  # fmt: skip
    return run(tree)


def unrolled(tree):
    """The parameters of the scanned network, each layer by itself."""
    period = tree["blocks"]["periods"]["layers"]
    layers = [jax.tree.map(lambda a: a[0], period[f"layers_{i}"]) for i in range(4)]
    layers += [tree["blocks"]["rest"][f"layers_{i}"] for i in range(2)]
    return tree | {"blocks": {"rest": {f"layers_{i}": x for i, x in enumerate(layers)}}}


def test_scanned_periods_are_the_layers_one_by_one():
    np.testing.assert_allclose(states("draw"), states("draw", scan=False), atol=1e-4)


@pytest.mark.parametrize("name", TARGETS)
def test_cached_tokens_get_the_states_of_the_uncached_sparse_network(name):
    source, kind, ids = TARGETS[name]
    apply = lambda method, *a: network().apply({"params": params()}, kind, *a, method=method)
    whole, length = jax.jit(functools.partial(apply, "logits"))(states(name)), ids.shape[1]
    cache, valid = jax.jit(lambda source: apply("prefill", source, length))(source)
    step = jax.jit(functools.partial(apply, "step"))
    last = jnp.zeros(BATCH, int)
    for position in range(length):
        found, cache = step(cache, valid, last, position)
        np.testing.assert_allclose(found, whole[:, position], rtol=1e-4, atol=1e-4)
        last = ids[:, position]


def test_a_cache_of_drawing_holds_what_each_layer_can_still_see():
    source, kind, _ = TARGETS["draw"]
    cache, _ = network().apply({"params": params()}, kind, source, TOKENS, method="prefill")
    first = LENGTH + 1  # the words and `begin`
    period = [layer["key"].shape[-2] - first for layer in cache["periods"]]
    assert period == [4, 9, 4, 4]  # a row and itself; a column may lie anywhere
    assert [layer["key"].shape[-2] - first for layer in cache["rest"]] == [4, 5]  # 3x3: 3 + 1 back


def test_a_token_depends_on_what_stands_before_it_through_all_layers_only():
    (_, words), kind, ids = TARGETS["draw"]
    run = jax.jit(lambda i: network().apply(
        {"params": params()}, (None, words), kind, i, method="states"
    ))  # fmt: skip
    for changed in range(TOKENS):
        moved = jnp.any(run(ids) != run(ids.at[:, changed].set((ids[:, changed] + 1) % 7)), (0, 2))
        assert not moved[: changed + 1].any() and moved[changed + 1]


@pytest.mark.parametrize("kernel", [0, 11])
def test_eight_pictures_of_1024_tokens_are_drawn_without_a_mask_of_all_pairs(kernel):
    net = network(kernel).clone(tokens=1024)
    shapes = jax.eval_shape(net.init, jax.random.key(1), jnp.zeros((2, 1024), int), TEXT)
    words = jnp.zeros((8, LENGTH), int)

    def draws(params):
        cache, valid = net.apply(params, "image", (None, words), 1024, method="prefill")
        step = lambda cache, last, position: net.apply(
            params, "image", cache, valid, last, position, method="step"
        )
        return autoregressive.generate(step, cache, batch=8, length=1024, begin=0, end=None)

    program = str(jax.make_jaxpr(draws)(shapes))
    made = re.findall(r"\[[\d,]*\b(\d+),(\d+)\]", program)
    assert made and max(int(q) * int(k) for q, k in made) < 8 * 1100 * 8
