"""numpy's npz: a zip of arrays, without pickles."""

import math
import re
import struct
from collections.abc import Iterator

import numpy as np

from data_pipelines.files import whole
from itit_jax.weights.containers.tensors import Tensor
from itit_jax.weights.containers.zips import Zip

HEADER = 4096  # bytes in which a header ends
MAGIC = b"\x93NUMPY"
# numpy reads a header as Python, whose parser gives up on deep ones in its own ways.
FORM = re.compile(
    rb"\{'descr': '(?P<dtype>[<>|=][a-zA-Z]\d{1,3}(?:\[\w{1,3}\])?)', "
    rb"'fortran_order': (?:True|False), "
    rb"'shape': \((?P<shape>(?:\d{1,20}, ?)*(?:\d{1,20})?)\), \}\s*\n"
)


def read(file) -> Iterator[tuple[str, Tensor]]:
    """(name, Tensor) of a file, of which only the headers are read."""
    archive = Zip(file)
    for entry in archive.entries.values():
        with archive.open(entry.filename) as opened:
            shape, dtype, start = _npy_header(opened)
        name, left = entry.filename.removesuffix(".npy"), entry.file_size - start
        if dtype.hasobject:
            raise ValueError(f"{name[:100]!a} is no array of numbers")
        if math.prod(shape) * dtype.itemsize != left:
            raise ValueError(f"{name[:100]!a} claims {shape} of {dtype} in {left:,} bytes")
        yield name, Tensor(shape, dtype, lambda inside=entry.filename: _one(archive, inside))


def _npy_header(opened):
    """(shape, dtype, where the numbers begin)."""
    start = opened.read(HEADER)
    wide = (
        start[6:7] != b"\x01"
    )  # version 1 has 2 bytes for the length of its header, version 2 four
    found = FORM.match(start, 12 if wide else 10)
    if not start.startswith((MAGIC + b"\x01\x00", MAGIC + b"\x02\x00")) or not found:
        raise ValueError("an entry is no array of numbers")
    length = struct.unpack_from("<I" if wide else "<H", start, 8)[0]
    shape = tuple(int(size) for size in found["shape"].split(b",") if size.strip())
    return shape, np.dtype(found["dtype"].decode()), found.start() + length


def _one(archive, name):
    with archive.open(name) as opened:
        array = np.lib.format.read_array(opened, allow_pickle=False)
        opened.read(1)  # the sum of an entry is compared at its end
    return array


def write(arrays, path):
    """Write {name: array}."""
    with whole(path) as file:
        np.savez(file, **arrays)
