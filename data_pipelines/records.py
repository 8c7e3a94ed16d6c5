"""Records on disk: a folder of ArrayRecord shards and one dataset.json that says what is there.

A data set is known by the keys and bytes of its records, wherever it lies.
"""

import hashlib
import json
import pathlib
from collections.abc import Iterable

from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter

from data_pipelines.errors import UserError
from data_pipelines.example import Record, decode, encode
from data_pipelines.files import whole_folder

FORMAT = 2
BEFORE = 1  # the format without hashes of records and of dataset.json, which is read too
INFO = "dataset.json"
END = 2**20  # bytes at each end of a shard that are hashed whenever it is opened
AGAIN = "copy it again or build the data set anew."


def write(folder, splits: dict[str, Iterable[Record]], *, shards=1, extra=(), **about) -> dict:
    """`fill` a folder, whole or not at all."""
    with whole_folder(folder) as draft:
        return fill(draft, splits, shards=shards, extra=extra, **about)


def fill(folder, splits: dict[str, Iterable[Record]], *, shards=1, extra=(), **about) -> dict:
    """Write all splits and dataset.json into an empty folder. -> what dataset.json holds.

    about: name, licence, made_by, made_of, parameters. extra: {file name: bytes} to lie beside the
    shards. Empty splits are left out.
    """
    folder = pathlib.Path(folder)
    written = {name: _write_split(folder, name, rows, shards) for name, rows in splits.items()}
    written = {name: split for name, split in written.items() if split["records"]}
    info = {"format": FORMAT, **about, "splits": written}
    for name, data in dict(extra).items():
        (folder / name).write_bytes(data)
    write_info(folder, info)
    return info


def _write_split(folder: pathlib.Path, split: str, records: Iterable[Record], shards: int) -> dict:
    files = [f"{split}-{i:05d}-of-{shards:05d}.array_record" for i in range(shards)]
    # One record a group: random access reads no neighbours.
    writers = [ArrayRecordWriter(str(folder / file), "group_size:1") for file in files]
    counts, hashed = [0] * shards, hashlib.sha256()
    for number, record in enumerate(records):
        data = encode(record)
        hashed.update(len(data).to_bytes(8, "big") + data)
        writers[number % shards].write(data)
        counts[number % shards] += 1
    for writer in writers:
        writer.close()
    listed = [_shard(folder / file, count) for file, count in zip(files, counts)]
    return {"records": sum(counts), "sha256": hashed.hexdigest(), "shards": listed}


def _shard(file: pathlib.Path, records: int) -> dict:
    with open(file, "rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    size = file.stat().st_size
    return dict(file=file.name, records=records, bytes=size, sha256=digest, ends=_ends(file, size))


def _ends(file: pathlib.Path, size: int) -> str:
    """Hash of both ends of a file, which costs as little of a large one as of a small one.

    They tell one shard from another. What is harmed between them, ArrayRecord's own hash of each
    record tells when that is read.
    """
    with open(file, "rb") as data:
        head = data.read(END)
        data.seek(max(len(head), size - END))
        return hashlib.sha256(head + data.read()).hexdigest()


def write_info(folder, info: dict):
    """dataset.json with a hash of itself."""
    text = json.dumps(info | {"sha256": _sum(info)}, indent=1)
    (pathlib.Path(folder) / INFO).write_text(text, encoding="utf-8")


def _sum(info: dict) -> str:
    return hashlib.sha256(json.dumps(info, sort_keys=True).encode()).hexdigest()


def read_info(folder) -> dict:
    """dataset.json of a folder, if it is as it was written."""
    file = pathlib.Path(folder) / INFO
    if not file.is_file():
        raise UserError(
            f"{folder} holds no {INFO}; give a folder made by python -m data_pipelines.build."
        )
    try:
        info = dict(json.loads(file.read_bytes()))
    except (ValueError, TypeError) as error:
        raise UserError(f"{file} is damaged ({error}); {AGAIN}") from error
    if info.get("format") not in (BEFORE, FORMAT):
        raise UserError(f"{file} has format {info.get('format')}, not {FORMAT}; {AGAIN}")
    if info["format"] == FORMAT and info.pop("sha256", "") != _sum(info):
        raise UserError(f"{file} was damaged or edited: its sha256 is another; {AGAIN}")
    return info


def digest(info: dict) -> str:
    """Hash of the keys and bytes of all records, whatever their folder is called, wherever it lies
    and however many shards it has. The same data set of format 1 keeps the hash that it had."""
    hashed = hashlib.sha256()
    for name, split in sorted(info["splits"].items()):
        sums = split.get("sha256") or " ".join(shard["sha256"] for shard in split["shards"])
        hashed.update(f"{name} {sums}\n".encode())
    return hashed.hexdigest()


class Records:
    """Random access to one split: record i lies in shard i % shards. Safe to share by threads."""

    def __init__(self, folder, split: str):
        splits = read_info(folder)["splits"]
        if split not in splits:
            raise UserError(
                f"{folder} has no split {split}; it has {', '.join(sorted(splits))}."
            )
        self.split, self._count = split, splits[split]["records"]
        shards = splits[split]["shards"]
        self._files = [pathlib.Path(folder) / shard["file"] for shard in shards]
        for file, shard in zip(self._files, shards):
            _check_size(file, shard["bytes"])
        self._shards = [ArrayRecordReader(str(file)) for file in self._files]
        for number, shard in enumerate(shards):
            self._check_ends(number, shard)

    def __len__(self):
        return self._count

    def __getitem__(self, index: int) -> Record:
        place, number = divmod(index, len(self._shards))
        try:
            return decode(self._shards[number].read([place])[0])
        except (ValueError, RuntimeError, IndexError) as error:
            raise UserError(
                f"record {index} of split {self.split} cannot be read: the shard "
                f"{self._files[number]} is damaged; {AGAIN}"
            ) from error

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def keys(self) -> list[str]:
        """Keys of all records, in order."""
        return [record.key for record in self]

    def _check_ends(self, number, shard):
        file = self._files[number]
        if "ends" not in shard or shard["ends"] == _ends(file, shard["bytes"]):
            return
        for index in range(number, self._count, len(self._files)):
            self[index]  # names the first that is damaged
        raise UserError(f"the shard {file} is not the one that {INFO} tells of; {AGAIN}")


def _check_size(file: pathlib.Path, size: int):
    if not file.is_file():
        raise UserError(f"the shard {file} is missing; {AGAIN}")
    if file.stat().st_size != size:
        raise UserError(f"the shard {file} has {file.stat().st_size} bytes, not {size}; {AGAIN}")
