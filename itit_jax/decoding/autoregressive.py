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

    `width` texts go on; of those that have ended or are cut at `length` the best is kept beside
    them, and the search stops when none that goes on can become better.
    The cache holds batch * width samples, those of one beam side by side, and each of its arrays
    ends as one of keys does: [..., samples, heads, places, numbers].
    """
    rows = jnp.arange(batch)[:, None]

    def body(state):
        position, ids, scores, best_ids, best, cache = state
        last = jnp.where(position > 0, jnp.take(ids, position - 1, axis=2), begin)
        logits, cache = step_fn(cache, last.reshape(-1), position)
        log_p = jax.nn.log_softmax(logits).reshape(batch, width, -1)
        words = log_p.shape[-1]
        total = (scores[..., None] + log_p).reshape(batch, -1)
        # Twice as many as go on: of each beam one may end.
        scores, at = jax.lax.top_k(total, 2 * width)
        origin, word = at // words, (at % words).astype(jnp.int32)
        ids = ids[rows, origin].at[:, :, position].set(word)
        ended = _ends(word, end) | (position == length - 1)
        mean = jnp.where(ended, scores / (position + 1) ** penalty, -jnp.inf)
        first = jnp.argmax(mean, axis=-1)[:, None]
        better = mean[rows, first] > best
        best_ids = jnp.where(better, ids[rows, first][:, 0], best_ids)
        best = jnp.where(better, mean[rows, first], best)
        scores, on = jax.lax.top_k(jnp.where(ended, -jnp.inf, scores), width)
        flat = (rows * width + origin[rows, on]).reshape(-1)
        cache = jax.tree.map(lambda a: jnp.take(a, flat, axis=-4), cache)
        return position + 1, ids[rows, on], scores, best_ids, best, cache

    def unfinished(state):
        position, _, scores, _, best, _ = state
        return (position < length) & jnp.any(scores[:, :1] / length**penalty > best)

    scores = jnp.where(jnp.arange(width) == 0, 0.0, -jnp.inf) * jnp.ones((batch, 1))
    ids = jnp.full((batch, width, length), pad, jnp.int32)
    start = (0, ids, scores, ids[:, 0], jnp.full((batch, 1), -jnp.inf), cache)
    return jax.lax.while_loop(unfinished, body, start)[3]


def _ends(words, end):
    """Which words end their text: bool, of the shape of `words`."""
    return jnp.zeros(words.shape, bool) if end is None else words == end
