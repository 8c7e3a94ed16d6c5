"""Facts of ERNIE-ViLG's network: who sees whom, by hand, and that a cache changes nothing."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from itit_jax.models.attention import prefix_causal_mask
from itit_jax.models.ernie_vilg import ErnieViLG
from tests import tiny

BATCH, TOKENS, CODES, WORDS, LENGTH = 2, 4, 7, 11, 3
SIZES = dict(
    width=16, depth=2, heads=2, mlp_width=16, codes=CODES, tokens=TOKENS, vocabulary_size=WORDS,
    text_length=LENGTH,
)  # fmt: skip
IMAGE = jax.random.randint(jax.random.key(0), (BATCH, TOKENS), 0, CODES)
TEXT = jnp.array([[4, 9, 1], [5, 1, 0]])  # the second is padded
SEQUENCES = {
    "draw": ((None, TEXT), "image", IMAGE),
    "caption": ((IMAGE, None), "text", TEXT[:, :-1]),
    "answer": ((IMAGE, TEXT), "text", TEXT[::-1, :-1]),
}


@functools.cache
def network(scan=False):
    return ErnieViLG(**SIZES, scan=scan)


@functools.cache
def params(scan=False):
    return tiny.parameters(network(scan), IMAGE, TEXT)["params"]


@functools.cache
def program(method, kind, scan, length=0):
    """A compiled method of the network over (params, ...arrays)."""
    net, variables = network(scan), lambda p: {"params": p}
    return {
        "states": jax.jit(lambda p, *a: net.apply(variables(p), a[0], kind, a[1], method="states")),
        "logits": jax.jit(lambda p, *a: net.apply(variables(p), kind, *a, method="logits")),
        "prefill": jax.jit(lambda p, a: net.apply(variables(p), kind, a, length, method="prefill")),
        "step": jax.jit(lambda p, *a: net.apply(variables(p), kind, *a, method="step")),
    }[method]


def states(source, kind, ids, scan=False):
    return program("states", kind, scan)(params(scan), source, ids)


def logits(name, scan=False):
    source, kind, ids = SEQUENCES[name]
    return program("logits", kind, scan)(params(scan), states(source, kind, ids, scan))


def test_the_mask_is_the_table_by_hand_in_both_directions():
    # Two words (of the second text one is padding), begin and two tokens; then the other way.
    draw = [[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]
    padded = [[1, 0, *row[2:]] for row in draw]
    valid = jnp.array([[True, True], [True, False]])
    found = prefix_causal_mask(valid, 3)
    np.testing.assert_array_equal(found[:, 0], np.array([draw, padded], bool))
    caption = [[1, 1, 1, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]
    found = prefix_causal_mask(jnp.ones((1, 3), bool), 2)
    np.testing.assert_array_equal(found[0, 0], np.array(caption, bool))


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_place_of_the_target_sees_what_is_left_of_it_and_itself(name):
    source, kind, ids = SEQUENCES[name]
    before = states(source, kind, ids)
    for changed in range(ids.shape[1]):
        other = ids.at[:, changed].set((ids[:, changed] + 1) % 7)
        moved = jnp.any(before != states(source, kind, other), axis=(0, 2))
        assert moved.tolist() == [place > changed for place in range(ids.shape[1] + 1)]


@pytest.mark.parametrize("name", SEQUENCES)
def test_every_place_of_the_target_sees_all_of_the_source_but_padding(name):
    source, kind, ids = SEQUENCES[name]
    before = states(source, kind, ids)
    for part, given in enumerate(source):
        for place in range(0 if given is None else given.shape[1]):
            other = list(source)
            other[part] = jnp.where(given > 0, given, 0).at[:, place].add(jnp.sign(given[:, place]))
            moved = jnp.any(before != states(tuple(other), kind, ids), axis=2)
            told = jnp.sign(given[:, place]) > 0
            assert jnp.all(moved == told[:, None])


def test_the_source_never_sees_the_target():
    """An answer moves no state of the source: those of `begin` are the same for any."""
    source, kind, ids = SEQUENCES["answer"]
    first = lambda answer: states(source, kind, answer)[:, 0]
    np.testing.assert_array_equal(first(ids), first(ids + 1))


@pytest.mark.parametrize(
    "name, scan", [("draw", False), ("caption", False), ("answer", False), ("answer", True)]
)
def test_cached_tokens_get_the_logits_of_the_uncached_network(name, scan):
    source, kind, ids = SEQUENCES[name]
    whole, length = logits(name, scan), ids.shape[1] + 1
    cache, valid = program("prefill", kind, scan, length)(params(scan), source)
    last = jnp.full(BATCH, 99)  # nobody reads it
    for position in range(length):
        step = program("step", kind, scan)
        found, cache = step(params(scan), cache, valid, last, position)
        np.testing.assert_allclose(found, whole[:, position], rtol=1e-4, atol=1e-5)
        if position < ids.shape[1]:
            last = ids[:, position]
