"""torch.save's files: the zip of torch 1.6 and later, and the row of pickles of earlier ones.

TorchScript's archives are such zips too. Their code is not looked at: the modules' tensors are.
"""

import io
import mmap
import os
import zipfile

from data_pipelines.errors import UserError
from itit_jax.weights.containers.tensors import DEEPEST, LONGEST, MOST, check_unfolds
from itit_jax.weights.containers.torch_pickles import Storage, StoredTensor, Unpickler
from itit_jax.weights.containers.zips import Zip

MAGIC = 0x1950A86A20F9469CFC6C  # first pickle of a file before torch 1.6


def read(file):
    """(name, tensor); nested dicts are joined by dots, `state_dict` is taken where there is one."""
    found = _read_zip(file) if zipfile.is_zipfile(file) else _read_row(file)
    if isinstance(found, dict) and isinstance(found.get("state_dict"), dict):
        found = found["state_dict"]
    spans, held, any_found = 0, file.stat().st_size, False
    for name, tensor in _flatten(found):
        spans += tensor.span * tensor.dtype.itemsize
        check_unfolds(spans, held)
        any_found = True
        yield name, tensor
    if not any_found:
        raise ValueError("it holds no tensor")


def _flatten(tree):
    """(path with dots, tensor), in the order of the dicts. Dicts may be shared, so that a small
    file can hold any number of paths."""
    waiting, seen = [("", tree, 0)], 0
    while waiting:
        path, value, depth = waiting.pop()
        seen += 1
        if seen > MOST or depth > DEEPEST or len(path) > LONGEST:
            raise ValueError("its dicts are too many, too deep, or have too long names")
        if isinstance(value, StoredTensor):
            yield path, value
        elif isinstance(value, dict):
            inside = f"{path}." if path else ""
            seen += len(value)
            waiting.extend(
                (inside + name, value[name], depth + 1)
                for name in reversed(value)
                if isinstance(name, str) and isinstance(value[name], (StoredTensor, dict))
            )


# ---- the zip: ROOT/data.pkl and ROOT/data/KEY ----------------------------------------------------


def _read_zip(file):
    archive = Zip(file)
    pickles = [name for name in archive.entries if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise ValueError(f"{len(pickles)} entries data.pkl")
    archive.check_stored(pickles[0])
    with archive.open(pickles[0]) as opened:
        program = io.BytesIO(opened.read())
    return Unpickler(program, file, _Zipped(archive, pickles[0].removesuffix("data.pkl"))).load()


class _Zipped:
    def __init__(self, archive, root):
        self._archive, self._root = archive, root

    def check(self, storage: Storage):
        name = f"{self._root}data/{storage.key}"
        if name not in self._archive.entries:
            raise ValueError(f"storage {storage.key[:100]!a} is not in the archive")
        self._archive.check_stored(name)
        size = self._archive.entries[name].file_size
        if storage.count * storage.dtype.itemsize > size:
            raise ValueError(f"storage {storage.key} claims more than its {size:,} bytes")

    def bytes_of(self, storage: Storage, first, count):
        size = storage.dtype.itemsize
        return self._archive.cut(f"{self._root}data/{storage.key}", first * size, count * size)


# ---- the row: magic, version, system, object, keys, then length and bytes of each storage --------


def _read_row(file):
    with open(file, "rb") as opened:
        size = os.fstat(opened.fileno()).st_size
        if size == 0:
            raise ValueError("it is empty")
        # Of a map no read allocates more than there is.
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as stream:
            container = _Row(file, size)
            load = lambda: Unpickler(stream, file, container).load()
            if stream[:1] != b"\x80" or load() != MAGIC:
                raise UserError(f"{file} was not written by torch.save; get it again.")
            load(), load()  # version and system
            found = load()
            container.find(stream, load())
            return found


class _Row:
    def __init__(self, file, size):
        self._file, self._size = file, size
        self._asked, self._starts = {}, {}

    def check(self, storage: Storage):
        if storage.count * storage.dtype.itemsize > self._size:
            raise ValueError(f"storage {storage.key[:100]!a} claims more than the file has")
        if self._asked.setdefault(storage.key, storage) != storage:
            raise ValueError(f"storage {storage.key[:100]!a} is asked for in two ways")

    def find(self, stream, keys):
        """Where each storage begins."""
        known = isinstance(keys, list) and all(type(key) in (str, int) for key in keys)
        if not known or sorted(map(str, keys)) != sorted(self._asked):
            raise ValueError("its list of storages is not that of its tensors")
        for key in map(str, keys):
            storage = self._asked[key]
            count = int.from_bytes(stream.read(8), "little", signed=True)
            length = storage.count * storage.dtype.itemsize
            if count != storage.count or stream.tell() + length > self._size:
                raise ValueError(f"storage {key[:100]!a} has not the length that its tensors ask")
            self._starts[key] = stream.tell()
            stream.seek(length, os.SEEK_CUR)
        if more := self._size - stream.tell():
            # A piece that is there twice moves what follows it, and only the end tells.
            raise ValueError(f"{more:,} bytes follow its last storage")

    def bytes_of(self, storage: Storage, first, count):
        size = storage.dtype.itemsize
        with open(self._file, "rb") as opened:
            opened.seek(self._starts[storage.key] + first * size)
            return opened.read(count * size)
