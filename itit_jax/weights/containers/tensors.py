"""What every reader of weight files gives, tensors by name, and the bounds that all of them keep:
a small file costs little, whatever it claims."""

import math
from collections.abc import Callable
from typing import NamedTuple

import ml_dtypes
import numpy as np

DEEPEST = 20  # nested dicts of one file
MOST = 200_000  # dicts, lists and tensors of one file
LONGEST = 300  # letters of a name
AXES = 8
# Weights hardly compress, and few tensors are views of one storage: whatever claims so many times
# its own size is a trap. Small files have some to spare.
UNFOLDS, SPARE = 8, 1_000_000
NUMBERS = {
    dtype.name: dtype
    for dtype in map(
        np.dtype,
        (np.float64, np.float32, np.float16, ml_dtypes.bfloat16, np.int64, np.int32, np.int16,
         np.int8, np.uint8, np.bool_),
    )
}  # fmt: skip


class Tensor(NamedTuple):
    """What a file says of a tensor, and how to get it."""

    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[], np.ndarray]


def bounded(found, held):
    """(name, what has a shape and a dtype) of a file of `held` bytes -> dict of them.

    ValueError where their number, their names, or the sum of their sizes are beyond any reason.
    """
    tensors, claimed = {}, 0
    for name, tensor in found:
        if len(tensors) == MOST:
            raise ValueError(f"it holds more than {MOST:,} tensors")
        if len(name) > LONGEST or not name.isprintable():
            raise ValueError(f"a tensor has the name {name[:40]!a}...")
        if name in tensors:
            raise ValueError(f"{name} is there twice")
        if len(tensor.shape) > AXES:
            raise ValueError(f"{name} has {len(tensor.shape)} axes")
        if tensor.dtype.name not in NUMBERS:
            raise ValueError(f"{name} holds {str(tensor.dtype)[:40]}, which weights are not")
        claimed += math.prod(tensor.shape) * tensor.dtype.itemsize
        check_unfolds(claimed, held)
        tensors[name] = tensor
    return tensors


def check_unfolds(claimed, held):
    """ValueError if `claimed` bytes can be no honest content of `held` bytes."""
    if claimed > UNFOLDS * held + SPARE:
        raise ValueError(f"its {held:,} bytes claim to be {claimed:,}")
