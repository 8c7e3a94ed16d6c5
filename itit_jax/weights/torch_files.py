"""torch.save's zip files, read by a reader that knows tensors and plain containers only.

A pickle is a program. This reader runs none of it: every name that it asks for is looked up in a
short list; names of training frameworks that checkpoints carry along become inert; any other
name is refused.
"""

import collections
import io
import math
import os
import pickle
import zipfile
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
DEEPEST = 20  # nested containers


class Storage(NamedTuple):
    """One entry of the archive."""

    dtype: np.dtype
    entry: str
    count: int


class StoredTensor(NamedTuple):
    """A view of a storage; `read` makes the array."""

    archive: str
    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def read(self):
        """-> numpy array of its own."""
        with zipfile.ZipFile(self.archive) as opened:
            data = opened.read(self.storage.entry)
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
class _Unpickler(pickle._Unpickler):
    def __init__(self, data, archive, root):
        super().__init__(io.BytesIO(data))
        self._archive, self._root = archive, root
        self._entries = {entry.filename: entry for entry in archive.infolist()}

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self._rebuild
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return lambda tensor, *_: tensor
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        if module.startswith(INERT):
            return _Inert
        raise UserError(
            f"{self._archive.filename} asks for {module}.{name}, which weights do not need; "
            "it may be harmful. Convert it to safetensors where you trust it."
        )

    def persistent_load(self, pid):
        kind, dtype, key, _, count = pid
        entry = self._entries.get(f"{self._root}/data/{key}")
        if kind != "storage" or not isinstance(dtype, np.dtype) or entry is None:
            raise ValueError(f"storage {key} is not in the archive")
        _check_stored(self._archive, entry)
        if not isinstance(count, int) or not 0 <= count * dtype.itemsize <= entry.file_size:
            raise ValueError(f"storage {key} claims more than its {entry.file_size:,} bytes")
        return Storage(dtype, entry.filename, count)

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
        file = str(self._archive.filename)
        return StoredTensor(file, storage, offset, tuple(shape), tuple(strides))


def _check_stored(archive, entry):
    """torch.save never compresses; what an entry claims must lie within the file."""
    size = os.fstat(archive.fp.fileno()).st_size
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
        raise ValueError(f"{entry.filename} is compressed, which torch.save never does")
    if entry.header_offset + entry.file_size > size:
        raise ValueError(f"{entry.filename} claims {entry.file_size:,} bytes of {size:,}")


def read(file) -> dict[str, StoredTensor]:
    """{name: tensor}; nested dicts are joined by dots, `state_dict` is taken where there is one."""
    if not zipfile.is_zipfile(file):
        raise UserError(f"{file} is no zip file of torch 1.6 or later; save it again with torch.")
    with zipfile.ZipFile(file) as archive:
        pickles = [n for n in archive.namelist() if n.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise ValueError(f"{len(pickles)} entries data.pkl")
        entry = archive.getinfo(pickles[0])
        _check_stored(archive, entry)
        root = pickles[0].removesuffix("/data.pkl")
        try:
            found = _Unpickler(archive.read(entry), archive, root).load()
        except (UserError, ValueError):
            raise
        except Exception as error:  # a broken program fails in any way it likes
            raise ValueError(f"its pickle fails: {type(error).__name__}: {error}") from error
    if isinstance(found, dict) and isinstance(found.get("state_dict"), dict):
        found = found["state_dict"]
    tensors = dict(_flatten(found, ""))
    if not tensors:
        raise ValueError("it holds no tensor")
    return tensors


def _flatten(tree, prefix, depth=0):
    if isinstance(tree, StoredTensor):
        yield prefix, tree
    elif isinstance(tree, dict):
        if depth > DEEPEST:
            raise ValueError("containers are nested too deep")
        for name, value in tree.items():
            if isinstance(name, str):
                yield from _flatten(value, f"{prefix}.{name}" if prefix else name, depth + 1)
