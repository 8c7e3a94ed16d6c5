"""Tensors of a weight file or folder by name, and files of such tensors: which reader, which file.

safetensors (also sharded), npz, t5x folders, and torch's zip files through the restricted reader
are read one tensor at a time; Flax's msgpack is in memory as a whole.
"""

import contextlib
import functools
import pathlib
import re

from data_pipelines.errors import UserError
from itit_jax.weights.containers import (
    flax_files,
    npz_files,
    safetensors_files,
    sharded_files,
    t5x_folders,
    tensors,
    torch_files,
)
from itit_jax.weights.containers.plain_json import read_json
from itit_jax.weights.containers.tensors import Tensor

TORCH = (".pt", ".pth", ".ckpt", ".bin")
FLAX = (".msgpack", "")  # MaskGIT's files have no suffix
INDEX = re.compile(r".*\.index(\.fp16)?\.json")
# What a folder may hold, in the order of preference: of transformers and diffusers, of Flax, t5x
# and open_clip.
IN_FOLDER = (
    *(
        name
        for stem, kind in (
            ("model", "safetensors"),
            ("diffusion_pytorch_model", "safetensors"),
            ("pytorch_model", "bin"),
            ("diffusion_pytorch_model", "bin"),
        )
        for name in (
            f"{stem}.{kind}.index.json",
            f"{stem}.{kind}",
            f"{stem}.{kind}.index.fp16.json",
            f"{stem}.fp16.{kind}",
        )
    ),
    "model.msgpack",
    t5x_folders.INDEX,
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.bin",
)
# Which folder of a diffusers pipeline is a part of ours.
IN_PIPELINE = {"tokenizer": "vqvae", "text_encoder": "text_encoder"}
WRITERS = {
    "safetensors": safetensors_files.write,
    "itit_jax": functools.partial(safetensors_files.write, producer="itit_jax"),
    "npz": npz_files.write,
    "flax": flax_files.write,
    "t5x": t5x_folders.write,
}
# What they call their file in a folder; t5x's is the folder.
FILE = {"safetensors": "model.safetensors", "itit_jax": "model.safetensors"}
FILE |= {"npz": "model.npz", "flax": "model.msgpack", "t5x": ""}


def read_tensors(path, part="") -> dict[str, Tensor]:
    """{name: Tensor} of a file or folder. `part` of ours is what a pipeline's folder is asked for.

    Only headers are read, but for Flax's files.
    """
    file = find_file(path, part)
    with _damage_told(file):
        found = tensors.bounded(_tensors(file), _held_bytes(file))
    return {
        name: Tensor(t.shape, t.dtype, functools.partial(_read_one, file, t))
        for name, t in found.items()
    }


def _tensors(file):
    """(name, what has a shape and a dtype and can be read) of a file."""
    if INDEX.fullmatch(file.name):
        return sharded_files.read(file, _tensors)
    if file.name == t5x_folders.INDEX:
        return t5x_folders.read(file.parent)
    if file.suffix == ".safetensors":
        return safetensors_files.read(file)
    if file.suffix == ".npz":
        return npz_files.read(file)
    if file.suffix in TORCH:
        return torch_files.read(file)
    if file.suffix in FLAX:
        return flax_files.read(file)
    raise UserError(
        f"{file} is of no known kind; give .safetensors, .npz, .msgpack or {', '.join(TORCH)}."
    )


def files_of(file):
    """The files that the tensors of a weight file lie in, itself among them."""
    with _damage_told(file):
        found = [file]
        if INDEX.fullmatch(file.name):
            found += sorted({file.parent / part for part in sharded_files.parts(file)})
        elif file.name == t5x_folders.INDEX:
            found = sorted(each for each in file.parent.rglob("*") if each.is_file())
        for each in found:
            if not each.is_file():
                raise ValueError(f"{each.name[:100]!a} is not there")
    return found


def _held_bytes(file):
    return sum(each.stat().st_size for each in files_of(file))


def _read_one(file, tensor):
    with _damage_told(file):
        return tensor.read()


@contextlib.contextmanager
def _damage_told(file):
    """Whatever a reader meets in a file is damage of that file, in words of its own."""
    try:
        yield
    except (UserError, MemoryError):
        raise
    except Exception as error:
        words = " ".join(ascii(str(error)[:1000])[1:-1].split())[:300]
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
        found = read_json(file)
    except ValueError as error:
        raise UserError(f"{file} is no JSON ({error}); get it again.") from error
    if not isinstance(found, dict):
        raise UserError(f"{file} holds no JSON object; get it again.")
    return found


def find_file(path, part=""):
    """The file, or index of files, that a path means."""
    path = pathlib.Path(path)
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
    if "recipe" in read_config(path):
        raise UserError(
            f"{path} is a run and no weights; give it away first: python -m itit_jax.main "
            f"--mode=export --workdir={path} --out=DIR."
        )
    others = [folder.name for folder in sorted(path.iterdir()) if _held(folder)]
    if others:
        raise UserError(f"{path} holds the weights of {', '.join(others)}; name one of these.")
    raise UserError(f"the folder {path} holds no weight file; it needs one of {IN_FOLDER}.")


def _held(folder):
    return [folder / name for name in IN_FOLDER if (folder / name).is_file()]
