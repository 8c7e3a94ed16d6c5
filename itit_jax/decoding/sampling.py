"""Sampling of ids from logits with one random number each."""

import jax
import jax.numpy as jnp

BELOW = 1 - 2.0**-23  # of a float32, the next smaller one or its neighbour


def sample(key, logits):
    """logits [..., c] -> ids int32 [...], by the inverse of the distribution function.

    jax.random.categorical draws a random number for each of the c ids, and on a CPU these cost more
    than all else that is done with the logits. In two levels: a running sum over all c is dear too.
    """
    mass = jax.nn.softmax(logits, axis=-1)
    c = mass.shape[-1]
    width = int(c**0.5)
    mass = jnp.pad(mass, [(0, 0)] * (mass.ndim - 1) + [(0, -c % width)])
    blocks = mass.reshape(*mass.shape[:-1], -1, width)  # [..., blocks, width]
    share = jax.random.uniform(key, logits.shape[:-1])
    block, left = _find(jnp.sum(blocks, axis=-1), share)
    inside = jnp.take_along_axis(blocks, block[..., None, None], axis=-2)[..., 0, :]
    place, _ = _find(inside, left)
    return (block * width + place).astype(jnp.int32)


def _find(mass, level):
    """mass [..., k], level [...] -> (the index whose part of the sum holds the level, int [...];
    what of the level lies in it [...]). A level at the end or past it, as rounding may bring it
    there, is in the last part that is not empty."""
    upper = jnp.cumsum(mass, axis=-1)
    level = jnp.minimum(level, upper[..., -1] * BELOW)
    index = jnp.sum(upper <= level[..., None], axis=-1)
    lower = jnp.max(jnp.where(upper <= level[..., None], upper, 0.0), axis=-1)
    return index, level - lower
