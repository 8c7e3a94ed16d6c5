"""t5x checkpoints: a folder of zarr arrays beside one msgpack file that says which there are.

A leaf of the msgpack is an array, or a description of the zarr array that holds it. What such a
description says of places is not believed: the array of target/a/b is the folder target.a.b.
"""

import gzip
import math
import pathlib
from typing import NamedTuple

import ml_dtypes
import numpy as np
import tensorstore

from data_pipelines.files import whole_folder
from itit_jax.weights.containers import msgpack_trees
from itit_jax.weights.containers.plain_json import read_json
from itit_jax.weights.containers.tensors import check_unfolds

INDEX = "checkpoint"
TYPES = {
    "<f4": np.dtype(np.float32),
    "<f2": np.dtype(np.float16),
    "<f8": np.dtype(np.float64),
    "<i4": np.dtype(np.int32),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
}
NAMES = {dtype: name for name, dtype in TYPES.items()}


class ZarrArray(NamedTuple):
    """One array folder, whose claims were compared with its files."""

    folder: pathlib.Path
    shape: tuple[int, ...]
    dtype: np.dtype
    piece: int  # bytes of one unpacked chunk
    packed: bool

    def read(self):
        """-> numpy array."""
        if self.packed:
            for file in _pieces(self.folder):
                _check_unpacked(file, self.piece)
        return _open(self.folder, open=True).read().result()


def read(folder):
    """(path, array) of the parameters, without the optimizer's state."""
    tree = msgpack_trees.unpack(folder / INDEX)
    for path, leaf in msgpack_trees.flatten(tree["optimizer"]["target"], _is_description):
        if isinstance(leaf, msgpack_trees.Array):
            yield path, leaf
        elif _is_description(leaf):
            yield path, _described(folder, path)


def _is_description(leaf):
    return isinstance(leaf, dict) and isinstance(leaf.get("driver"), str)


def _described(folder, path):
    """The array of a path, after a look at its metadata and at the sizes of its files."""
    name = f"target.{path.replace('/', '.')}"
    place = folder / name
    _check_inside(folder, place / ".zarray")
    shape, chunks, dtype, packed = _claims(name, read_json(place / ".zarray"))
    grid = [-(-size // step) for size, step in zip(shape, chunks)]
    files = _pieces(place)
    # An array without one of its files would be filled up with zeros.
    if len(files) != math.prod(grid) or not all(_lies_in(file.name, grid) for file in files):
        raise ValueError(f"{name} has {len(files):,} pieces, not the {math.prod(grid):,} it needs")
    piece = math.prod(chunks) * dtype.itemsize
    held = sum(file.stat().st_size for file in files)
    check_unfolds(piece * len(files), held)
    return ZarrArray(place, shape, dtype, piece, packed)


def _check_inside(folder, file):
    if not file.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{file.name} leads out of its folder")


def _pieces(place):
    files = [file for file in place.iterdir() if file.name != ".zarray"]
    for file in files:
        _check_inside(place, file)
    return files


def _lies_in(name, grid):
    """Whether a chunk of this name, such as 0.3, is one of the grid."""
    places = name.split(".")
    if len(places) != max(len(grid), 1):
        return False
    return all(p.isdecimal() and str(int(p)) == p and int(p) < n for p, n in zip(places, grid))


def _claims(name, meta):
    """(shape, chunk shape, dtype, whether gzip packs it) of a .zarray, if these are sound."""
    shape, chunks, dtype = meta["shape"], meta["chunks"], TYPES.get(meta["dtype"])
    numbers = isinstance(shape, list) and isinstance(chunks, list) and len(shape) == len(chunks)
    if not numbers or not all(type(n) is int and n >= 0 for n in shape + chunks):
        raise ValueError(f"{name} has no sound shape")
    if any(step > max(size, 1) or step == 0 for size, step in zip(shape, chunks)):
        raise ValueError(f"{name} has chunks beyond its shape")
    packing = meta.get("compressor")
    usual = packing is None or packing.get("id") == "gzip"
    plain = not meta.get("filters") and meta.get("dimension_separator", ".") == "."
    if dtype is None or not usual or not plain or meta.get("zarr_format") != 2:
        raise ValueError(f"{name} is no array as t5x writes them")
    return tuple(shape), tuple(chunks), dtype, packing is not None


def _check_unpacked(file, size):
    """Refuses a piece that unfolds to more than it should, before anyone keeps it."""
    count = 0
    with gzip.open(file) as opened:
        while part := opened.read(2**20):
            count += len(part)
            if count > size:
                raise ValueError(f"{file.name} of {file.parent.name} unfolds to too much")


def _open(place, **more):
    store = {"driver": "file", "path": str(place)}
    return tensorstore.open({"driver": "zarr", "kvstore": store, **more}).result()


def write(arrays, folder):
    """Write {path: array} as t5x does, in one piece each. `folder` must be new or empty.

    There is no state of an optimizer: t5x takes it as a start, not to continue a run.
    """
    with whole_folder(folder) as fresh:
        leaves = {path: _write_one(fresh, path, array) for path, array in arrays.items()}
        named = {f"optimizer/target/{path}": leaf for path, leaf in leaves.items()}
        msgpack_trees.write_tree(msgpack_trees.nested(named) | {"version": 3}, fresh / INDEX)


def _write_one(folder, path, array):
    """-> the description of the array that is now in the folder."""
    name = f"target.{path.replace('/', '.')}"
    metadata = {
        "shape": list(array.shape),
        "chunks": list(array.shape),
        "dtype": NAMES[array.dtype],
        "compressor": {"id": "gzip"},
    }
    # Zeros too have their file: a reader cannot tell them from a piece that was lost.
    store = _open(
        folder / name, metadata=metadata, create=True, store_data_equal_to_fill_value=True
    )
    store.write(array).result()
    kept = {"driver": "file", "path": name}
    return {"driver": "zarr", "dtype": array.dtype.name, "kvstore": kept, "metadata": metadata}
