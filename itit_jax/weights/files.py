"""Tensors of a weight file or folder by name, read one at a time, without torch.

safetensors (also sharded), npz, and torch's zip files through the restricted reader.
"""

import json
import math
import pathlib
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open

from data_pipelines.errors import UserError
from itit_jax.weights import torch_files

TORCH = (".pt", ".pth", ".ckpt", ".bin")
# What a folder may hold, in the order of preference.
IN_FOLDER = (
    "model.safetensors.index.json",
    "model.safetensors",
    "diffusion_pytorch_model.safetensors",
    "open_clip_model.safetensors",
    "pytorch_model.bin",
    "open_clip_pytorch_model.bin",
)


class Tensor(NamedTuple):
    """What a file says of a tensor, and how to get it."""

    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]


def read_tensors(path) -> dict[str, Tensor]:
    """{name: Tensor} of a file or folder. Nothing is read but headers."""
    file = _find(pathlib.Path(path))
    try:
        if file.name.endswith(".index.json"):
            return dict(_sharded(file))
        if file.suffix == ".safetensors":
            return dict(_safetensors(file))
        if file.suffix == ".npz":
            return dict(_npz(file))
        if file.suffix in TORCH:
            found = torch_files.read(file)
            return {name: Tensor(t.shape, t.read) for name, t in found.items()}
    except (SafetensorError, zipfile.BadZipFile, OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{file} is no sound weight file ({type(error).__name__}: {error}); get it again."
        ) from error
    raise UserError(f"{file} is of no known kind; give .safetensors, .npz or {', '.join(TORCH)}.")


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
    except ValueError as error:
        raise UserError(f"{file} is no JSON ({error}); get it again.") from error
    if not isinstance(found, dict):
        raise UserError(f"{file} holds no JSON object; get it again.")
    return found


def _find(path):
    if path.is_file():
        return path
    if not path.is_dir():
        raise UserError(f"the weights {path} do not exist; give a weight file or its folder.")
    for name in IN_FOLDER:
        if (path / name).is_file():
            return path / name
    raise UserError(f"the folder {path} holds no weight file; it needs one of {IN_FOLDER}.")


def _safetensors(file) -> Iterator[tuple[str, Tensor]]:
    # The library checks the header's length and every offset against the size of the file.
    with safe_open(file, "numpy") as opened:
        for name in opened.keys():  # noqa: SIM118, it is no dict
            shape = tuple(opened.get_slice(name).get_shape())
            yield name, Tensor(shape, lambda name=name: _one_tensor(file, name))


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
    size = file.stat().st_size
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            # A short compressed entry may unfold to any size; weights hardly compress.
            if entry.file_size > 8 * size:
                raise UserError(f"{file} claims {entry.file_size:,} bytes for {entry.filename}.")
            name = entry.filename.removesuffix(".npy")
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
