"""What a run cannot do without and does not save again: its frozen parts and its vocabulary.

WORKDIR/companions.json names them by their hashes, so that a run never goes on, and is never
scored or asked, beside a tokenizer or a vocabulary that it was not trained with.
"""

import hashlib
import json
import os
import pathlib

import jax
import jax.numpy as jnp

from itit_jax.config import ConfigError
from itit_jax.sharding import path_of

FILE = "companions.json"


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


def read(workdir):
    """{name: hash} as written, or {} where there is nothing."""
    file = pathlib.Path(workdir) / FILE
    return json.loads(file.read_text()) if file.exists() else {}


def check(workdir, found):
    """Refuses `found`, {name: hash}, where the workdir was made with another."""
    for name, digest in read(workdir).items():
        if found.get(name, digest) != digest:
            raise ConfigError(
                f"the {name} is not the one that {workdir} was made with; "
                "give it that one back, or take another folder."
            )


def write(workdir, found):
    """Remember {name: hash}, whole or not at all."""
    file = pathlib.Path(workdir) / FILE
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(found, indent=1))
    os.replace(fresh, file)
