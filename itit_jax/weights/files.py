"""Tensors of a weight file or folder by name, without torch, and files of such tensors.

safetensors (also sharded), npz, t5x folders, and torch's zip files through the restricted reader
are read one tensor at a time; Flax's msgpack is in memory as a whole.
"""

import contextlib
import functools
import json
import math
import os
import pathlib
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from data_pipelines.errors import UserError
from itit_jax.weights import flax_files, t5x_folders, torch_files

TORCH = (".pt", ".pth", ".ckpt", ".bin")
FLAX = (".msgpack", "")  # MaskGIT's files have no suffix
# What a folder may hold, in the order of preference.
IN_FOLDER = (
    "model.safetensors.index.json",
    "model.safetensors",
    "model.fp16.safetensors",
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.fp16.safetensors",
    "model.msgpack",
    "pytorch_model.bin",
    t5x_folders.INDEX,
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.bin",
)
# Which folder of a diffusers pipeline is a part of ours.
IN_PIPELINE = {"tokenizer": "vqvae", "text_encoder": "text_encoder"}
# What readers meet in damaged files, each in its own words.
DAMAGE = (SafetensorError, zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError)
DAMAGE += (KeyError, TypeError, AttributeError, OverflowError, RecursionError)
WRITERS = {
    "safetensors": lambda *a, **k: _write_safetensors("pt", *a, **k),
    "itit_jax": lambda *a, **k: _write_safetensors("itit_jax", *a, **k),
    "npz": lambda arrays, path: _write_npz(arrays, path),
    "flax": flax_files.write,
    "t5x": t5x_folders.write,
}
# What they call their file in a folder; t5x's is the folder.
FILE = {"safetensors": "model.safetensors", "itit_jax": "model.safetensors"}
FILE |= {"npz": "model.npz", "flax": "model.msgpack", "t5x": ""}


class Tensor(NamedTuple):
    """What a file says of a tensor, and how to get it."""

    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]


def read_tensors(path, part="") -> dict[str, Tensor]:
    """{name: Tensor} of a file or folder. `part` of ours is what a pipeline's folder is asked for.

    Only headers are read, but for Flax's files.
    """
    file = _find(pathlib.Path(path), part)
    with _damage_told(file):
        found = dict(_tensors(file))
    return {
        name: Tensor(t.shape, functools.partial(_read_one, file, t)) for name, t in found.items()
    }


def _tensors(file):
    """(name, what has a shape and can be read) of a file."""
    if file.name.endswith(".index.json"):
        return _sharded(file)
    if file.name == t5x_folders.INDEX:
        return t5x_folders.read(file.parent)
    if file.suffix == ".safetensors":
        return _safetensors(file)
    if file.suffix == ".npz":
        return _npz(file)
    if file.suffix in TORCH:
        return torch_files.read(file)
    if file.suffix in FLAX:
        return flax_files.read(file)
    raise UserError(
        f"{file} is of no known kind; give .safetensors, .npz, .msgpack or {', '.join(TORCH)}."
    )


def _read_one(file, tensor):
    with _damage_told(file):
        return tensor.read()


@contextlib.contextmanager
def _damage_told(file):
    try:
        yield
    except DAMAGE as error:
        words = " ".join(str(error).split())[:300]
        raise UserError(
            f"{file} is no sound weight file ({type(error).__name__}: {words}); get it again."
        ) from error


def folder_of(path) -> pathlib.Path:
    """The folder of a weight file, or the folder itself."""
    path = pathlib.Path(path)
    return path if path.is_dir() else path.parent


def read_config(path, name="config.json") -> dict:
    """The JSON of settings beside the weights, or {}."""
    file = folder_of(path) / name
    if not file.is_file():
        return {}
    try:
        found = json.loads(file.read_text())
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file} is no JSON ({error}); get it again.") from error
    if not isinstance(found, dict):
        raise UserError(f"{file} holds no JSON object; get it again.")
    return found


def _find(path, part):
    if path.is_file():
        return path
    if not path.is_dir():
        raise UserError(f"the weights {path} do not exist; give a weight file or its folder.")
    files, inside = _held(path), IN_PIPELINE.get(part, "")
    inner = _held(path / inside) if inside else []
    if files and inner:
        raise UserError(f"{path} holds {files[0].name} and {inside}/; name the one that is meant.")
    if files or inner:
        return (files or inner)[0]
    others = [folder.name for folder in sorted(path.iterdir()) if _held(folder)]
    if others:
        raise UserError(f"{path} holds the weights of {', '.join(others)}; name one of these.")
    raise UserError(f"the folder {path} holds no weight file; it needs one of {IN_FOLDER}.")


def _held(folder):
    return [folder / name for name in IN_FOLDER if (folder / name).is_file()]


def _safetensors(file) -> Iterator[tuple[str, Tensor]]:
    # The library checks the header's length and every offset against the size of the file.
    with safe_open(file, "numpy") as opened:
        for name in opened.keys():  # noqa: SIM118, it is no dict
            shape = tuple(opened.get_slice(name).get_shape())
            yield name, Tensor(shape, lambda name=name: _one_tensor(file, name))


def _write_safetensors(producer, arrays, path, head=None):
    fresh = pathlib.Path(f"{path}.new")
    fresh.touch()
    mode = fresh.stat().st_mode  # safetensors lets only the owner read its files
    try:
        save_file(arrays, fresh, head or {"format": producer})
        fresh.chmod(mode)
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def _write_npz(arrays, path):
    fresh = pathlib.Path(f"{path}.new")
    with open(fresh, "wb") as opened:
        np.savez(opened, **arrays)
    os.replace(fresh, path)


def _one_tensor(file, name):
    with safe_open(file, "numpy") as opened:
        return opened.get_tensor(name)


def _sharded(index) -> Iterator[tuple[str, Tensor]]:
    parts: Mapping[str, str] = json.loads(index.read_text())["weight_map"]
    for part in sorted(set(parts.values())):
        if pathlib.PurePath(part).name != part:
            raise UserError(f"{index} names the part '{part}' outside its folder; get it again.")
        held = {name for name, file in parts.items() if file == part}
        found = dict(_safetensors(index.parent / part))
        if held - found.keys():
            raise UserError(f"{part} lacks {sorted(held - found.keys())[0]} of {index.name}.")
        yield from ((name, found[name]) for name in sorted(held))


def _npz(file) -> Iterator[tuple[str, Tensor]]:
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
            yield name, Tensor(shape, lambda name=name: _one_npz(file, name))


def _npy_header(opened):
    version = np.lib.format.read_magic(opened)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    return read(opened)


def _one_npz(file, name):
    with np.load(file, allow_pickle=False) as opened:
        return opened[name]
