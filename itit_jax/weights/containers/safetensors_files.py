"""safetensors, one file or several under an index."""

import json
import os
import pathlib
from collections.abc import Iterator, Mapping

from safetensors import safe_open
from safetensors.numpy import save_file

from data_pipelines.errors import UserError
from data_pipelines.files import whole
from itit_jax.weights.containers.tensors import Tensor


def read(file) -> Iterator[tuple[str, Tensor]]:
    """(name, Tensor) of a file, of which only the header is read."""
    # The library checks the header's length and every offset against the size of the file.
    with safe_open(file, "numpy") as opened:
        for name in opened.keys():  # noqa: SIM118, it is no dict
            shape = tuple(opened.get_slice(name).get_shape())
            yield name, Tensor(shape, lambda name=name: _one_tensor(file, name))


def _one_tensor(file, name):
    with safe_open(file, "numpy") as opened:
        return opened.get_tensor(name)


def read_sharded(index) -> Iterator[tuple[str, Tensor]]:
    """(name, Tensor) of the parts beside an index, in the order of their names."""
    parts: Mapping[str, str] = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
    for part in sorted(set(parts.values())):
        if pathlib.PurePath(part).name != part:
            raise UserError(f"{index} names the part '{part}' outside its folder; get it again.")
        held = {name for name, file in parts.items() if file == part}
        found = dict(read(index.parent / part))
        if held - found.keys():
            raise UserError(f"{part} lacks {sorted(held - found.keys())[0]} of {index.name}.")
        yield from ((name, found[name]) for name in sorted(held))


def write(arrays, path, head=None, producer="pt"):
    """Write {name: array}. head: {text: text} in place of the usual metadata."""
    with whole(path) as draft:
        mode = os.fstat(draft.fileno()).st_mode
        # The library puts a file of its own in the draft's place, which only its owner may read.
        save_file(arrays, draft.name, head or {"format": producer})
        os.chmod(draft.name, mode)
        with open(draft.name, "rb") as written:
            os.fsync(written.fileno())
