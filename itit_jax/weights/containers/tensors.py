"""What every reader of weight files gives and takes: tensors, the numbers they may be, bounds."""

from collections.abc import Callable
from typing import NamedTuple

import ml_dtypes
import numpy as np

DEEPEST = 20  # nested dicts of one file
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
    read: Callable[[], np.ndarray]
