"""Weights in parts under an index: {"weight_map": {name: file beside it}}."""

import pathlib

from data_pipelines.errors import UserError
from itit_jax.weights.containers.plain_json import read_json


def parts(index):
    """{file beside it: its names} of an index."""
    found = {}
    for name, part in read_json(index)["weight_map"].items():
        if not isinstance(part, str):
            raise ValueError("a part has no name")
        if pathlib.PurePath(part).name != part:
            raise UserError(
                f"{index} names the part {part[:100]!a} outside its folder; get it again."
            )
        found.setdefault(part, set()).add(name)
    return found


def read(index, read_part):
    """(name, Tensor) of the parts beside an index, in the order of their names.

    read_part(file) -> (name, Tensor) of one part.
    """
    for part, held in sorted(parts(index).items()):
        found = dict(read_part(index.parent / part))
        if held - found.keys():
            raise UserError(f"{part} lacks {min(held - found.keys())[:100]} of {index.name}.")
        yield from ((name, found[name]) for name in sorted(held))
