"""safetensors."""

import os
from collections.abc import Iterator

from safetensors import safe_open
from safetensors.numpy import save_file

from data_pipelines.files import whole
from itit_jax.weights.containers.tensors import NUMBERS, Tensor

LONGEST = 2**24  # bytes of a header; that of a hundred thousand tensors
KINDS = {"F": "float", "BF": "bfloat", "I": "int", "U": "uint"}


def read(file) -> Iterator[tuple[str, Tensor]]:
    """(name, Tensor) of a file, of which only the header is read."""
    with open(file, "rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
    if length > LONGEST:
        raise ValueError(f"its header claims {length:,} bytes")
    # The library checks every offset against the size of the file.
    opened = safe_open(file, "numpy")
    for name in opened.keys():  # noqa: SIM118, it is no dict
        found = opened.get_slice(name)
        dtype = _dtype(name, found.get_dtype())
        yield name, Tensor(tuple(found.get_shape()), dtype, lambda n=name: opened.get_tensor(n))


def _dtype(name, spelt):
    """That of "F32", "BF16", "BOOL", ..."""
    kind, bits = spelt.rstrip("0123456789"), spelt.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    found = "bool" if spelt == "BOOL" else f"{KINDS.get(kind, '')}{bits}"
    if found not in NUMBERS:
        raise ValueError(f"{name[:100]!a} is of the type {spelt}, which weights are not")
    return NUMBERS[found]


def write(arrays, path, head=None, producer="pt"):
    """Write {name: array}. head: {text: text} in place of the usual metadata."""
    with whole(path) as draft:
        mode = os.fstat(draft.fileno()).st_mode
        # The library puts a file of its own in the draft's place, which only its owner may read.
        save_file(arrays, draft.name, head or {"format": producer})
        os.chmod(draft.name, mode)
        with open(draft.name, "rb") as written:
            os.fsync(written.fileno())
