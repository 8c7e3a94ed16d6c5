"""Autoregressive decoding of words over a cached step. Knows no model and no vocabulary.

step_fn(cache, ids int [b], position) -> (logits [b, v], cache). `begin` is the id that the first
step reads, `end` the one that ends a text, or None: all texts have the full length. After its end
a text is filled with `pad`.
"""

import jax
import jax.numpy as jnp

from itit_jax.decoding.sampling import sample


def greedy(logits, key):
    """The likeliest word: logits [b, v] -> ids [b]."""
    del key
    return jnp.argmax(logits, axis=-1)


def nucleus(top_p):
    """-> choose(logits [b, v], key) -> ids [b], sampled from the smallest set of words that holds
    at least `top_p` of the mass."""
    return sampled(top_p=top_p)


def sampled(temperature=1.0, top_k=0, top_p=1.0):
    """-> choose(logits [b, v], key) -> ids [b], sampled at a temperature (0: the likeliest) from
    the `top_k` likeliest words (0: all), and of these from the smallest set that holds at least
    `top_p` of their mass."""
    if temperature == 0:
        return greedy

    def choose(logits, key):
        logits = logits / temperature
        if 0 < top_k < logits.shape[-1]:
            least = jax.lax.top_k(logits, top_k)[0][..., -1:]
            logits = jnp.where(logits >= least, logits, -jnp.inf)
        if top_p < 1:
            logits = _of_mass(logits, top_p)
        return sample(key, logits)

    return choose


def _of_mass(logits, top_p):
    """The logits [b, v] of the smallest set that holds `top_p` of the mass, -inf elsewhere."""
    mass = jax.nn.softmax(logits, axis=-1)
    ordered = jnp.sort(mass, axis=-1)[..., ::-1]
    before = jnp.cumsum(ordered, axis=-1) - ordered
    smallest = jnp.min(jnp.where(before < top_p, ordered, jnp.inf), axis=-1, keepdims=True)
    return jnp.where(mass >= smallest, logits, -jnp.inf)


def say(speaker, key, how, *, batch, **ids):
    """Texts as the section decode.* of a config, `how`, says -> ids int32 [b, t].

    speaker(copies) -> (step_fn, cache) of so many copies of each sample, side by side. ids: length,
    begin, end and pad, as below.
    """
    if how.text == "beam":
        return beam(*speaker(how.beam), batch=batch, width=how.beam, **ids)
    choose = nucleus(how.top_p) if how.text == "top_p" else greedy
    return generate(*speaker(1), key, batch=batch, choose=choose, **ids)


def generate(step_fn, cache, key=None, *, batch, length, begin, end, pad=0, choose=greedy):
    """Words until every sample has ended -> ids int32 [b, t], t = `length`, `pad` after `end`."""
    key = jax.random.key(0) if key is None else key

    def body(state):
        position, ids, last, done, cache = state
        logits, cache = step_fn(cache, last, position)
        word = choose(logits, jax.random.fold_in(key, position)).astype(jnp.int32)
        word = jnp.where(done, pad, word)
        ids = jax.lax.dynamic_update_slice_in_dim(ids, word[:, None], position, axis=1)
        return position + 1, ids, word, done | _ends(word, end), cache

    def unfinished(state):
        return (state[0] < length) & ~jnp.all(state[3])

    empty = jnp.full((batch, length), pad, jnp.int32)
    start = (0, empty, jnp.full((batch,), begin, jnp.int32), jnp.zeros((batch,), bool), cache)
    return jax.lax.while_loop(unfinished, body, start)[1]


def beam(step_fn, cache, *, batch, length, width, begin, end, pad=0, penalty=0.6):
    """Beam search -> the best ids int32 [b, t] by log p / words ** penalty, `end` counted.

    The cache holds batch * width samples, those of one beam side by side, and each of its arrays
    ends as one of keys does: [..., samples, heads, places, numbers].
    """
    rows = jnp.arange(batch)[:, None]

    def body(position, state):
        ids, scores, lengths, done, cache = state
        last = jnp.where(position > 0, jnp.take(ids, position - 1, axis=2), begin)
        logits, cache = step_fn(cache, last.reshape(-1), position)
        log_p = jax.nn.log_softmax(logits).reshape(batch, width, -1)
        words = log_p.shape[-1]
        # An ended beam goes on with padding, at no cost.
        only_pad = jnp.where(jnp.arange(words) == pad, 0.0, -jnp.inf)
        total = scores[..., None] + jnp.where(done[..., None], only_pad, log_p)
        scores, best = jax.lax.top_k(total.reshape(batch, -1), width)
        origin, word = best // words, (best % words).astype(jnp.int32)
        ids = ids[rows, origin].at[:, :, position].set(word)
        done = done[rows, origin]
        lengths = lengths[rows, origin] + ~done
        flat = (rows * width + origin).reshape(-1)
        cache = jax.tree.map(lambda a: jnp.take(a, flat, axis=-4), cache)
        return ids, scores, lengths, done | _ends(word, end), cache

    scores = jnp.where(jnp.arange(width) == 0, 0.0, -jnp.inf) * jnp.ones((batch, 1))
    ids = jnp.full((batch, width, length), pad, jnp.int32)
    lengths, done = jnp.zeros((batch, width), jnp.int32), jnp.zeros((batch, width), bool)
    start = (ids, scores, lengths, done, cache)
    ids, scores, lengths, *_ = jax.lax.fori_loop(0, length, body, start)
    best = jnp.argmax(scores / lengths**penalty, axis=-1)
    return ids[jnp.arange(batch), best]


def _ends(words, end):
    """Which words end their text: bool, of the shape of `words`."""
    return jnp.zeros(words.shape, bool) if end is None else words == end
