"""Facts of the text decoder on random weights and random prefixes."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from itit_jax.decoding import autoregressive
from itit_jax.models.text_decoder import TextDecoder
from tests import tiny

BATCH, PREFIX, LENGTH, WORDS, BEGIN = 3, 5, 6, 11, 7
DECODER = TextDecoder(
    width=16, depth=2, heads=2, mlp_width=32, vocabulary_size=WORDS, text_length=LENGTH, begin=BEGIN
)
STATES = jax.random.normal(jax.random.key(0), (BATCH, PREFIX, 12))
VALID = jnp.arange(PREFIX) < jnp.array([[5], [3], [1]])
TEXT = jax.random.randint(jax.random.key(1), (BATCH, LENGTH), 0, WORDS)


@functools.cache
def params():
    return tiny.parameters(DECODER, STATES, VALID, TEXT)["params"]


@functools.partial(jax.jit, static_argnums=1)
def _applied(params, method, *arguments):
    return DECODER.apply({"params": params}, *arguments, method=method)


def apply(method, *arguments, params=params):
    return _applied(params(), method, *arguments)


def teacher_forced(states=STATES, text=TEXT):
    return apply("__call__", states, VALID, text)


def test_cached_words_get_the_logits_of_the_uncached_decoder():
    whole = teacher_forced()
    cache, last = apply("prefill", STATES, VALID), jnp.full(BATCH, BEGIN)
    for position in range(LENGTH):
        logits, cache = apply("step", cache, VALID, last, position)
        np.testing.assert_allclose(logits, whole[:, position], rtol=1e-4, atol=1e-5)
        last = TEXT[:, position]


@pytest.mark.parametrize("rows", [1, 2])  # of one row XLA would turn the table round
def test_a_loop_over_words_moves_neither_the_table_nor_the_whole_cache(rows):
    """A table of other sizes than anything else, unrolled layers."""
    network = DECODER.clone(vocabulary_size=97, depth=3, scan=False)
    states, valid, text = (x[:rows] for x in (STATES, VALID, TEXT))
    params = jax.eval_shape(network.init, jax.random.key(0), states, valid, text)

    def say(params, states):
        cache = network.apply(params, states, valid, method="prefill")
        step = lambda cache, words, position: network.apply(
            params, cache, valid, words, position, method="step"
        )
        ids = dict(length=LENGTH, begin=BEGIN, end=None)
        return autoregressive.generate(step, cache, batch=rows, **ids)

    program = jax.jit(say).lower(params, states).compile().as_text()
    layer = f"{rows},2,{PREFIX + LENGTH},8"
    assert f"[{layer}]" in program and f"[3,{layer}]" not in program, "one array for all layers"
    if rows == 1:
        assert "[97,16]" in program and "[16,97]" not in program, "the table is turned round"
    else:
        assert not re.search(rf"\[(1,)?{layer}\]\S* copy\(", program), "a layer's cache is copied"


def test_a_word_depends_on_earlier_words_only():
    for changed in range(LENGTH):
        other = TEXT.at[:, changed].set((TEXT[:, changed] + 1) % WORDS)
        moved = jnp.any(teacher_forced() != teacher_forced(text=other), axis=(0, 2))
        assert moved.tolist() == [position > changed for position in range(LENGTH)]


def test_the_first_word_follows_the_begin_id():
    table = jnp.asarray(params()["word_embedding"])
    moved = lambda: params() | {"word_embedding": table.at[BEGIN].add(jnp.arange(16.0))}
    # One table embeds and classifies: the logit of the begin id itself moves in any case.
    others = jnp.arange(WORDS) != BEGIN
    first = lambda p: apply("__call__", STATES, VALID, TEXT, params=p)[:, 0, others]
    assert jnp.all(jnp.abs(first(params) - first(moved)) > 1e-3)


def test_hidden_states_are_never_read_and_valid_ones_are():
    junk = jnp.where(VALID[..., None], STATES, 9.0)
    np.testing.assert_array_equal(teacher_forced(), teacher_forced(junk))
    for place in range(PREFIX):
        moved = jnp.any(teacher_forced() != teacher_forced(STATES.at[:, place].add(1)), axis=(1, 2))
        assert moved.tolist() == VALID[:, place].tolist()
