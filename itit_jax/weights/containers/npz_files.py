"""numpy's npz: a zip of arrays, without pickles."""

import math
import zipfile
from collections.abc import Iterator

import numpy as np

from data_pipelines.errors import UserError
from data_pipelines.files import whole
from itit_jax.weights.containers.tensors import Tensor


def read(file) -> Iterator[tuple[str, Tensor]]:
    """(name, Tensor) of a file, of which only the headers are read."""
    size, names = file.stat().st_size, set()
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            # A short compressed entry may unfold to any size; weights hardly compress.
            if entry.file_size > 8 * size:
                raise UserError(f"{file} claims {entry.file_size:,} bytes for {entry.filename}.")
            name = entry.filename.removesuffix(".npy")
            if name in names:  # w and w.npy are one to numpy
                raise ValueError(f"{name} is there twice")
            names.add(name)
            with archive.open(entry) as opened:
                shape, _, dtype = _npy_header(opened)
                left = entry.file_size - opened.tell()
            if dtype.hasobject or min(shape, default=0) < 0:
                raise ValueError(f"{name} is no array of numbers")
            if math.prod(shape) * dtype.itemsize != left:
                raise ValueError(f"{name} claims {math.prod(shape):,} values in {left:,} bytes")
            yield name, Tensor(shape, lambda name=name: _one(file, name))


def _npy_header(opened):
    version = np.lib.format.read_magic(opened)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    return read(opened)


def _one(file, name):
    with np.load(file, allow_pickle=False) as opened:
        return opened[name]


def write(arrays, path):
    """Write {name: array}."""
    with whole(path) as file:
        np.savez(file, **arrays)
