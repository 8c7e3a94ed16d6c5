"""Flax's msgpack files of arrays."""

from collections.abc import Iterator

import numpy as np

from itit_jax.weights.containers.msgpack_trees import Array, flatten, nested, unpack, write_tree


def read(file) -> Iterator[tuple[str, Array]]:
    """(path, Array) of a file; leaves that are no arrays are passed over."""
    arrays = [(name, leaf) for name, leaf in flatten(unpack(file)) if isinstance(leaf, Array)]
    if not arrays:
        raise ValueError("it holds no array")
    yield from arrays


def write(arrays, file):
    """Write {path: array} as Flax does."""
    write_tree(nested({path: np.asarray(array) for path, array in arrays.items()}), file)
