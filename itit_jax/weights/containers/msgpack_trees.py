"""Flax's msgpack: nested dicts whose leaves are arrays, read without trusting any length.

flax.serialization would do for files of one's own. It lets a file of a few bytes ask for lists of
any length and gives arrays back before anyone has looked at their sizes, hence this reader.
"""

import math
import mmap
import os
from typing import NamedTuple

import msgpack
import numpy as np
from flax import serialization, traverse_util

from data_pipelines.files import whole
from itit_jax.weights.containers.tensors import DEEPEST, MOST, NUMBERS

ARRAY = 1  # Flax's code for an array; 2 and 3 are single numbers
LONGEST = 100  # items of a list; real ones are shapes
CHUNKED = "__msgpack_chunked_array__"  # Flax cuts arrays above a gigabyte


class Array(NamedTuple):
    """A leaf: its bytes as they lie in the file."""

    shape: tuple[int, ...]
    dtype: np.dtype
    parts: tuple[bytes, ...]

    def read(self):
        """-> numpy array."""
        return np.frombuffer(b"".join(self.parts), self.dtype).reshape(self.shape)


def unpack(file):
    """The tree of a file: dicts, numbers, texts and Arrays. All of it is in memory at once."""
    with open(file, "rb") as opened:
        if os.fstat(opened.fileno()).st_size == 0:
            raise ValueError("it is empty")
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _unpack(data, _Counted())
            except ValueError:
                raise
            except Exception as error:  # msgpack has errors of its own for every kind of damage
                raise ValueError(f"its msgpack fails: {type(error).__name__}: {error}") from error


class _Counted:
    """Makes what a file holds, and no more of it than MOST."""

    def __init__(self):
        self._made = 0

    def table(self, pairs):
        self._count(1)
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a dict says a name twice")
        return found

    def list(self, items):
        self._count(1)
        return items

    def extension(self, code, data):
        self._count(1)
        return _array(data, self) if code == ARRAY else None

    def _count(self, number):
        self._made += number
        if self._made > MOST:
            raise ValueError(f"it holds more than {MOST:,} things")


def _unpack(data, made):
    # Texts and bytes never claim more than is there; lists are allocated before they are filled.
    return msgpack.unpackb(
        data, object_pairs_hook=made.table, list_hook=made.list, ext_hook=made.extension,
        max_array_len=LONGEST, raw=False, strict_map_key=True,
    )  # fmt: skip


def _array(data, made):
    found = _unpack(data, made)
    if not isinstance(found, list) or len(found) != 3:
        raise ValueError("an array is no (shape, type, bytes)")
    shape, name, held = found
    if not isinstance(name, str) or name not in NUMBERS or not isinstance(held, bytes):
        raise ValueError(f"an array has the type {str(name)[:20]!r}")
    array = Array(_shape(shape), NUMBERS[name], (held,))
    _check(array)
    return array


def _shape(numbers):
    if not isinstance(numbers, list) or not all(type(n) is int and n >= 0 for n in numbers):
        raise ValueError("an array has no sound shape")
    return tuple(numbers)


def _check(array):
    claimed, held = math.prod(array.shape) * array.dtype.itemsize, sum(map(len, array.parts))
    if claimed != held:
        raise ValueError(f"an array claims {claimed:,} bytes and has {held:,}")


def flatten(tree, is_leaf=lambda _: False, prefix="", depth=0):
    """(path with slashes, Array or whatever else a leaf is) of a nested dict."""
    if not isinstance(tree, dict):
        raise ValueError("it holds no dict")
    if depth > DEEPEST:
        raise ValueError("dicts are nested too deep")
    for name, value in tree.items():
        if not isinstance(name, str):
            raise ValueError("a name is no text")
        if "/" in name:  # it would be that of a dict in a dict
            raise ValueError(f"{name[:100]!a} has a slash in it")
        path = f"{prefix}{name}"
        if isinstance(value, dict) and CHUNKED in value:
            yield path, _joined(value)
        elif isinstance(value, dict) and not is_leaf(value):
            yield from flatten(value, is_leaf, f"{path}/", depth + 1)
        else:
            yield path, value


def _joined(cut):
    numbers, chunks = (_listed(cut.get(name)) for name in ("shape", "chunks"))
    if not chunks or not all(isinstance(c, Array) and c.dtype == chunks[0].dtype for c in chunks):
        raise ValueError("a cut array lacks its pieces")
    parts = tuple(part for chunk in chunks for part in chunk.parts)
    array = Array(_shape(numbers), chunks[0].dtype, parts)
    _check(array)
    return array


def _listed(numbered):
    """{"0": a, "1": b} -> [a, b]."""
    if not isinstance(numbered, dict):
        raise ValueError("a cut array lacks its shape")
    return [numbered[str(i)] for i in range(len(numbered))]


def write_tree(tree, file):
    """Write nested dicts of anything that Flax's msgpack knows."""
    with whole(file) as opened:
        opened.write(serialization.msgpack_serialize(tree))


def nested(leaves):
    """{"a/b": leaf} -> {"a": {"b": leaf}}."""
    return traverse_util.unflatten_dict(leaves, sep="/")
