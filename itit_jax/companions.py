"""What a run cannot do without and does not save again: frozen parts, vocabulary, data set.

A run names them by their hashes, so that it never goes on, and is never scored or asked, beside
another than it was trained with, wherever that lies.
"""

import hashlib

import jax
import jax.numpy as jnp

from data_pipelines.errors import UserError
from itit_jax.sharding import path_of


def fingerprint(params):
    """Hex digest of the paths, shapes and values of a tree; the same on every mesh."""
    sums = jax.device_get(_bit_sums(params))
    lines = [
        f"{path_of(path)} {leaf.shape} {total}"
        for (path, leaf), total in zip(
            jax.tree_util.tree_leaves_with_path(params), jax.tree.leaves(sums), strict=True
        )
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@jax.jit
def _bit_sums(params):
    def weighted(leaf):
        bits = jax.lax.bitcast_convert_type(leaf.astype(jnp.float32), jnp.uint32).ravel()
        # Odd weights that differ by place: a swap of two values changes the sum (Knuth's hash).
        weights = jnp.arange(bits.size, dtype=jnp.uint32) * jnp.uint32(2654435761) | 1
        return jnp.sum(bits * weights, dtype=jnp.uint32)

    return jax.tree.map(weighted, params)


def of(parts):
    """{name: hash} of a dict of parameter trees."""
    return {name: fingerprint(params) for name, params in parts.items()}


def check(run, found, told=()):
    """Refuses `found`, {name: hash}, where the run or folder was made with another.

    told: names of what the folder has to tell, or nobody knows what it was made with.
    """
    known = run.companions()
    for name in told:
        if name not in known:
            raise UserError(
                f"{run} does not tell with which {name} it was made; make it again, or put its "
                "companions.json back."
            )
    for name, digest in known.items():
        if found.get(name, digest) != digest:
            raise UserError(
                f"the {name} is not the one that {run} was made with; "
                "give it that one back, or take another folder."
            )
