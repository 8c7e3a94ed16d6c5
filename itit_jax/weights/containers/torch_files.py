"""torch.save's files: the zip of torch 1.6 and later, and the row of pickles of earlier ones."""

import io
import mmap
import os
import zipfile

from data_pipelines.errors import UserError
from itit_jax.weights.containers.tensors import DEEPEST
from itit_jax.weights.containers.torch_pickles import Storage, StoredTensor, Unpickler

MAGIC = 0x1950A86A20F9469CFC6C  # first pickle of a file before torch 1.6


def read(file) -> dict[str, StoredTensor]:
    """{name: tensor}; nested dicts are joined by dots, `state_dict` is taken where there is one."""
    found = _read_zip(file) if zipfile.is_zipfile(file) else _read_row(file)
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


# ---- the zip: ROOT/data.pkl and ROOT/data/KEY ----------------------------------------------------


def _read_zip(file):
    with zipfile.ZipFile(file) as archive:
        pickles = [n for n in archive.namelist() if n.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise ValueError(f"{len(pickles)} entries data.pkl")
        entry = archive.getinfo(pickles[0])
        container = _Zip(file, archive, pickles[0].removesuffix("data.pkl"))
        container.check_stored(entry)
        return Unpickler(io.BytesIO(archive.read(entry)), file, container).load()


class _Zip:
    def __init__(self, file, archive, root):
        self._file, self._root = file, root
        self._size = os.fstat(archive.fp.fileno()).st_size
        self._entries = {entry.filename: entry for entry in archive.infolist()}

    def check(self, storage: Storage):
        entry = self._entries.get(f"{self._root}data/{storage.key}")
        if entry is None:
            raise ValueError(f"storage {storage.key} is not in the archive")
        self.check_stored(entry)
        if storage.count * storage.dtype.itemsize > entry.file_size:
            raise ValueError(
                f"storage {storage.key} claims more than its {entry.file_size:,} bytes"
            )

    def check_stored(self, entry):
        """torch.save never compresses; what an entry claims must lie within the file."""
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise ValueError(f"{entry.filename} is compressed, which torch.save never does")
        if entry.header_offset + entry.file_size > self._size:
            raise ValueError(f"{entry.filename} claims {entry.file_size:,} of {self._size:,} bytes")

    def bytes_of(self, storage: Storage):
        with zipfile.ZipFile(self._file) as opened:
            return opened.read(f"{self._root}data/{storage.key}")


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
            raise ValueError(f"storage {storage.key} claims more than the file has")
        if self._asked.setdefault(storage.key, storage) != storage:
            raise ValueError(f"storage {storage.key} is asked for in two ways")

    def find(self, stream, keys):
        """Where each storage begins."""
        if not isinstance(keys, list) or sorted(map(str, keys)) != sorted(self._asked):
            raise ValueError("its list of storages is not that of its tensors")
        for key in map(str, keys):
            storage = self._asked[key]
            count = int.from_bytes(stream.read(8), "little", signed=True)
            length = storage.count * storage.dtype.itemsize
            if count != storage.count or stream.tell() + length > self._size:
                raise ValueError(f"storage {key} has not the length that its tensors ask for")
            self._starts[key] = stream.tell()
            stream.seek(length, os.SEEK_CUR)

    def bytes_of(self, storage: Storage):
        with open(self._file, "rb") as opened:
            opened.seek(self._starts[storage.key])
            return opened.read(storage.count * storage.dtype.itemsize)
