"""Sound weight files of every container, and what an accident or an editor makes of them."""

import gzip
import json

import numpy as np

from benchmarks.hostile import torch_zip
from itit_jax.weights import load as weights
from itit_jax.weights.containers import (
    flax_files,
    msgpack_trees,
    npz_files,
    safetensors_files,
    t5x_folders,
)

WIDTH, HEADS, LAYERS, WORDS = 6, 2, 2, 11


def network(rng):
    """{our path: array} of a T5 encoder of no size worth speaking of."""
    draw = lambda *shape: rng.normal(size=shape).astype(np.float32)
    arrays = {"token_embedding": draw(WORDS, WIDTH), "relative_bias": draw(32, HEADS)}
    for i in range(LAYERS):
        layer = f"encoder/layers_{i}"
        for name in ("query", "key", "value", "out"):
            arrays[f"{layer}/attention/{name}/kernel"] = draw(WIDTH, WIDTH)
        for name, shape in (("wi_0", (WIDTH, 8)), ("wi_1", (WIDTH, 8)), ("wo", (8, WIDTH))):
            arrays[f"{layer}/mlp/{name}/kernel"] = draw(*shape)
        for name in ("attention_norm", "mlp_norm"):
            arrays[f"{layer}/{name}/scale"] = draw(WIDTH)
    return arrays | {"final_norm/scale": draw(WIDTH)}


def _torch_row(arrays, file):
    entries = {}
    for i, (name, array) in enumerate(arrays.items()):
        stored = torch_zip.storage(str(i), "FloatStorage", array.size, b"N")
        entries[name] = torch_zip.tensor(stored, array.shape)
    file.write_bytes(torch_zip.row(torch_zip.table(entries), list(arrays.values())))


def _t5x(arrays, folder):
    """By hand: a process that has used tensorstore cannot be forked."""
    folder.mkdir()
    leaves = {f"optimizer/target/{name}": {"driver": "zarr"} for name in arrays}
    msgpack_trees.write_tree(msgpack_trees.nested(leaves), folder / t5x_folders.INDEX)
    for name, array in arrays.items():
        place = folder / f"target.{name.replace('/', '.')}"
        place.mkdir()
        shape = list(array.shape)
        meta = {"shape": shape, "chunks": shape, "dtype": "<f4", "compressor": {"id": "gzip"}}
        meta |= {"filters": None, "fill_value": None, "order": "C", "zarr_format": 2}
        (place / ".zarray").write_text(json.dumps(meta))
        (place / ".".join("0" * len(shape))).write_bytes(gzip.compress(array.tobytes()))


# Container: file, layout of its names, writer.
WRITERS = {
    "safetensors": ("x.safetensors", "t5", safetensors_files.write),
    "npz": ("x.npz", "t5", npz_files.write),
    "flax": ("x.msgpack", "t5", flax_files.write),
    "t5x": ("t5x", "t5x", _t5x),
    "torch zip": ("x.pt", "t5", lambda arrays, file: torch_zip.save(file, arrays)),
    "old torch": ("x.pt", "t5", _torch_row),
}
SUMMED = ("npz", "t5x", "torch zip")  # containers that keep sums of what they hold


def sound(folder, rng, container):
    """-> (file or folder, {our path: array} of what it holds)."""
    truth = network(rng)
    name, layout, write = WRITERS[container]
    theirs = {n: np.asarray(a, order="C") for n, a in weights.as_theirs(truth, layout).items()}
    write(theirs, folder / name)
    return folder / name, truth


def damage(folder, rng, container):
    """-> (file or folder, truth), after one accident in one of its files."""
    path, truth = sound(folder, rng, container)
    files = [path] if path.is_file() else sorted(f for f in path.rglob("*") if f.is_file())
    file = files[rng.integers(len(files))]
    data = file.read_bytes()
    free = np.ones(len(data), bool)
    if container not in SUMMED:  # of a number that is another one nobody can know
        for array in truth.values():
            for form in (array, array.T):
                at = data.find(np.ascontiguousarray(form).tobytes())
                free[at : at + array.nbytes] &= at < 0
    kinds = [cut, flip, overwrite, insert, drop, repeat]
    file.write_bytes(kinds[rng.integers(len(kinds))](data, rng, np.flatnonzero(free)))
    return path, truth


def cut(data, rng, _):
    return data[: rng.integers(len(data))]


def flip(data, rng, places):
    found = bytearray(data)
    found[rng.choice(places)] ^= 1 << rng.integers(8)
    return bytes(found)


def overwrite(data, rng, places):
    found, at = bytearray(data), rng.choice(places)
    for i in range(at, min(at + rng.integers(1, 9), len(data))):
        if i in places:
            found[i] = rng.integers(256)
    return bytes(found)


def insert(data, rng, places):
    at = rng.choice(places)
    return data[:at] + rng.bytes(rng.integers(1, 9)) + data[at:]


def drop(data, rng, places):
    at = rng.choice(places)
    return data[:at] + data[at + rng.integers(1, 9) :]


def repeat(data, rng, _):
    at, to = sorted(rng.integers(len(data), size=2))
    return data[:to] + data[at:]
