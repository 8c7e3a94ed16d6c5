"""Autoregressive decoding of words over a cached step. Knows no model.

step_fn(cache, ids int [b], position) -> (logits [b, vocabulary], cache). Id 0 is both padding and
the begin of text; id 1 ends a text (T5's vocabulary).
"""

import jax
import jax.numpy as jnp

PAD, EOS = 0, 1


def greedy(logits, key):
    """The likeliest word."""
    del key
    return jnp.argmax(logits, axis=-1)


def nucleus(top_p):
    """Sampling from the smallest set of words that holds at least `top_p` of the mass."""

    def choose(logits, key):
        ordered = jnp.sort(jax.nn.softmax(logits, axis=-1), axis=-1)[..., ::-1]
        before = jnp.cumsum(ordered, axis=-1) - ordered
        smallest = jnp.min(jnp.where(before < top_p, ordered, jnp.inf), axis=-1, keepdims=True)
        kept = jnp.where(jax.nn.softmax(logits, axis=-1) >= smallest, logits, -jnp.inf)
        return jax.random.categorical(key, kept, axis=-1)

    return choose


def generate(step_fn, cache, key=None, *, batch, length, choose=greedy):
    """Words until every sample has ended -> ids int32 [batch, length], 0 padded after EOS."""
    key = jax.random.key(0) if key is None else key

    def body(state):
        position, ids, last, done, cache = state
        logits, cache = step_fn(cache, last, position)
        word = choose(logits, jax.random.fold_in(key, position)).astype(jnp.int32)
        word = jnp.where(done, PAD, word)
        ids = jax.lax.dynamic_update_slice_in_dim(ids, word[:, None], position, axis=1)
        return position + 1, ids, word, done | (word == EOS), cache

    def unfinished(state):
        return (state[0] < length) & ~jnp.all(state[3])

    empty = jnp.zeros((batch, length), jnp.int32)
    start = (0, empty, jnp.full((batch,), PAD, jnp.int32), jnp.zeros((batch,), bool), cache)
    return jax.lax.while_loop(unfinished, body, start)[1]


def beam(step_fn, cache, *, batch, length, width, penalty=0.6):
    """Beam search -> the best ids int32 [batch, length] by log p / length ** penalty.

    The cache holds batch * width samples, those of one beam side by side, on axis 1.
    """
    rows = jnp.arange(batch)[:, None]

    def body(position, state):
        ids, scores, done, cache = state
        last = jnp.where(position > 0, jnp.take(ids, position - 1, axis=2), PAD)
        logits, cache = step_fn(cache, last.reshape(-1), position)
        log_p = jax.nn.log_softmax(logits).reshape(batch, width, -1)
        words = log_p.shape[-1]
        # An ended beam goes on with padding, at no cost.
        only_pad = jnp.where(jnp.arange(words) == PAD, 0.0, -jnp.inf)
        total = scores[..., None] + jnp.where(done[..., None], only_pad, log_p)
        scores, best = jax.lax.top_k(total.reshape(batch, -1), width)
        origin, word = best // words, (best % words).astype(jnp.int32)
        ids = ids[rows, origin].at[:, :, position].set(word)
        done = done[rows, origin] | (word == EOS)
        flat = (rows * width + origin).reshape(-1)
        return ids, scores, done, jax.tree.map(lambda a: jnp.take(a, flat, axis=1), cache)

    scores = jnp.where(jnp.arange(width) == 0, 0.0, -jnp.inf) * jnp.ones((batch, 1))
    ids = jnp.zeros((batch, width, length), jnp.int32)
    done = jnp.zeros((batch, width), bool)
    ids, scores, _, _ = jax.lax.fori_loop(0, length, body, (ids, scores, done, cache))
    lengths = jnp.maximum(jnp.sum(ids != PAD, axis=-1), 1)
    best = jnp.argmax(scores / lengths**penalty, axis=-1)
    return ids[jnp.arange(batch), best]
