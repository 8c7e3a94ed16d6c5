"""The pickles of torch, read by a reader that knows tensors and plain containers only.

A pickle is a program. This reader runs none of it: every name that it asks for is looked up in a
short list; names of training frameworks that checkpoints carry along become inert; any other
name is refused.
"""

import collections
import math
import pickle
from collections.abc import Callable
from typing import NamedTuple

import ml_dtypes
import numpy as np

from data_pipelines.errors import UserError

STORAGES = {
    "DoubleStorage": np.dtype(np.float64),
    "FloatStorage": np.dtype(np.float32),
    "HalfStorage": np.dtype(np.float16),
    "BFloat16Storage": np.dtype(ml_dtypes.bfloat16),
    "LongStorage": np.dtype(np.int64),
    "IntStorage": np.dtype(np.int32),
    "ShortStorage": np.dtype(np.int16),
    "CharStorage": np.dtype(np.int8),
    "ByteStorage": np.dtype(np.uint8),
    "BoolStorage": np.dtype(np.bool_),
}
# Their objects stand beside the weights in checkpoints (callbacks, settings) and are passed over.
INERT = ("pytorch_lightning.", "lightning.", "lightning_fabric.", "omegaconf.", "argparse.")


class Storage(NamedTuple):
    """The numbers that tensors are views of."""

    key: str
    dtype: np.dtype
    count: int


class StoredTensor(NamedTuple):
    """A view of a storage; `read` makes the array."""

    bytes_of: Callable[[Storage], bytes]
    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def read(self):
        """-> numpy array of its own."""
        data = self.bytes_of(self.storage)
        values = np.frombuffer(data, self.storage.dtype, self.storage.count)
        strides = [step * values.itemsize for step in self.strides]
        view = np.lib.stride_tricks.as_strided(
            values[self.offset :], self.shape, strides, writeable=False
        )
        return np.ascontiguousarray(view).reshape(self.shape)


class _Inert:
    """Stands for an object that is not wanted: takes anything, does nothing."""

    def __new__(cls, *_, **__):
        return object.__new__(cls)

    def __init__(self, *_, **__):
        pass

    def __setstate__(self, state):
        pass

    def __reduce_ex__(self, protocol):
        raise TypeError("not to be written")


# The unpickler in Python: its memo is a dict, so that a file cannot make it allocate a huge one.
class Unpickler(pickle._Unpickler):
    """Reads one pickle of `stream`, which must not allocate what it does not hold.

    container: where storages lie. `check(storage)` refuses what the file cannot hold, and
    `bytes_of(storage)` gives its bytes once they are wanted.
    """

    def __init__(self, stream, file, container):
        super().__init__(stream)
        self._file, self._container = file, container

    def load(self):
        """ValueError where the program is broken, UserError where it asks for what is not ours."""
        try:
            return super().load()
        except (UserError, ValueError):
            raise
        except Exception as error:  # a broken program fails in any way it likes
            raise ValueError(f"its pickle fails: {type(error).__name__}: {error}") from error

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self._rebuild
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return lambda tensor, *_: tensor
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        if f"{module}.".startswith(INERT):
            return _Inert
        raise UserError(
            f"{self._file} asks for {module}.{name}, which weights do not need; "
            "it may be harmful. Convert it to safetensors where you trust it."
        )

    def persistent_load(self, pid):
        kind, dtype, key, _, count, *view = pid
        if kind != "storage" or not isinstance(dtype, np.dtype) or any(view):
            raise ValueError(f"storage {key} is of a kind that weights do not need")
        if not isinstance(count, int) or count < 0:
            raise ValueError(f"storage {key} has no sound length")
        storage = Storage(str(key), dtype, count)
        self._container.check(storage)
        return storage

    def _rebuild(self, storage, offset, shape, strides, *_):
        if not isinstance(storage, Storage) or len(shape) != len(strides):
            raise ValueError("a tensor has no storage")
        numbers = (offset, *shape, *strides)
        if not all(isinstance(n, int) and n >= 0 for n in numbers):
            raise ValueError("a tensor has no sound shape")
        last = offset + sum((n - 1) * step for n, step in zip(shape, strides))
        # No view may be larger than its storage: a stride of 0 makes anything of one number.
        if 0 not in shape and (last >= storage.count or math.prod(shape) > storage.count):
            raise ValueError(f"a tensor of shape {tuple(shape)} leaves its storage")
        return StoredTensor(
            self._container.bytes_of, storage, offset, tuple(shape), tuple(strides)
        )
