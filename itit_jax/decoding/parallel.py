"""Parallel masked decoding of image tokens (papers.md 1.4). Knows no model.

One function serves the cycle inside training, evaluation and the command line.
"""

import functools
import math

import jax
import jax.numpy as jnp

from itit_jax.decoding.sampling import sample
from itit_jax.decoding.schedule import masked_after_rounds, schedules, stages


def slots_of(config, key, tokens):
    """Image tokens that are left where at least the share config.masks[key] of them is masked; one
    is left of any."""
    masked = math.ceil(round(tokens * config.masks[key], 6))  # 0.55 * 20 is a little above 11
    return max(1, tokens - masked)


def draw(logits_fn, key, *, batch, tokens, rounds, temperature=4.5, given=None):
    """Uncovers `tokens` image tokens in `rounds` parallel rounds -> ids int32 [b, n].

    logits_fn(ids [b, n], known bool [b, n], slots, ratio) -> logits [b, n, c], where at most
    `slots` (static) tokens of a sample are known and `ratio` is the share of rounds done.
    temperature: of the Gumbel noise on the confidence, annealed to 0 over the rounds.
    given: (ids int [b, n], known bool [b, n]) of tokens that are there at the start and stay
    (inpainting), or None. How many they are is told at run time, so that each round has all slots.
    """

    def one_round(slots, state, x):
        (ids, known), (index, masked) = state, x
        ratio = (index + 1) / rounds
        logits = logits_fn(ids, known, slots, ratio)
        round_key, noise = jax.random.fold_in(key, index), temperature * (1 - ratio)
        return uncover(logits, ids, known, round_key, masked, noise), None

    if given is None:
        state = jnp.zeros((batch, tokens), jnp.int32), jnp.zeros((batch, tokens), bool)
        after, parts = jnp.asarray(masked_after_rounds(tokens, rounds)), stages(tokens, rounds)
    else:
        state, parts = (given[0].astype(jnp.int32), given[1]), [(jnp.arange(rounds), tokens)]
        # Rows of a table made before tracing: float32 would floor some counts too low.
        after = jnp.asarray(schedules(tokens, rounds))[:, jnp.sum(~given[1], axis=1), None]

    for numbers, slots in parts:
        one = functools.partial(one_round, slots)
        state, _ = jax.lax.scan(one, state, (jnp.asarray(numbers), after[numbers]))
    return state[0]


def uncover(logits, ids, known, key, masked, noise):
    """One round: sample all unknown tokens, keep all but the `masked` least confident.

    logits [b, n, c]; ids int [b, n]; known bool [b, n]; masked: one number, or int [b, 1].
    -> (ids with every token filled int32 [b, n], known bool [b, n]). Filled but unknown tokens
    are sampled anew in the next round; after the last round they are the answer.
    """
    sample_key, noise_key = jax.random.split(key)
    sampled = jnp.where(known, ids, sample(sample_key, logits))
    log_p = jax.nn.log_softmax(logits, axis=-1)
    confidence = jnp.take_along_axis(log_p, sampled[..., None], axis=-1)[..., 0]
    confidence = confidence + noise * jax.random.gumbel(noise_key, confidence.shape)
    confidence = jnp.where(known, jnp.inf, confidence)
    # Ranks instead of a threshold: ties must not change the count, which shapes rely on.
    rank = jnp.argsort(jnp.argsort(confidence, axis=-1), axis=-1)
    return sampled, known | (rank >= masked)


def gather_known(tokens, known, slots):
    """Known tokens first, in raster order: what the encoder reads.

    tokens int [b, n] or rows [b, n, c]; known bool [b, n]; slots: static number kept, s.
    -> (kept tokens [b, s] or rows [b, s, c], places int [b, s], visible bool [b, s]).
    """
    places = jnp.argsort(~known, axis=-1, stable=True)[:, :slots]
    visible = jnp.take_along_axis(known, places, axis=1)
    index = places if tokens.ndim == 2 else places[..., None]
    return jnp.take_along_axis(tokens, index, axis=1), places, visible


def training_mask(key, batch, tokens, slots):
    """Known tokens of training samples, bool [b, n], at most `slots` of them.

    Masked share r = cos(pi u / 2), u uniform (Muse's law, papers.md 1.2).
    """
    ratio_key, order_key = jax.random.split(key)
    ratio = jnp.cos(jnp.pi / 2 * jax.random.uniform(ratio_key, (batch, 1)))
    masked = jnp.clip(jnp.ceil(ratio * tokens), tokens - slots)
    return random_ranks(order_key, batch, tokens) >= jnp.maximum(masked, 1)


def random_ranks(key, batch, count):
    """An independent random permutation of 0..count-1 in each row: int [b, count]."""
    noise = jax.random.uniform(key, (batch, count))
    return jnp.argsort(jnp.argsort(noise, axis=-1), axis=-1)


def guided(conditional, unconditional, scale):
    """Classifier-free guidance of two logits [b, n, c] as in Muse: (1 + scale) l_c - scale l_u;
    0 is conditional."""
    return conditional + scale * (conditional - unconditional)
