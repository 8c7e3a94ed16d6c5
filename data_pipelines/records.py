"""Records on disk: a folder of ArrayRecord shards and one dataset.json that says what is there.

A record is written as a tf.train.Example with the bytes features key, image, texts and source,
by a small coder of our own, so that TensorFlow reads it and we need no TensorFlow.
"""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Iterable

from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter

from data_pipelines.errors import UserError
from data_pipelines.files import whole_folder

FORMAT = 1
INFO = "dataset.json"
LENGTH_DELIMITED = 2  # protobuf wire type of strings, bytes and messages


@dataclasses.dataclass(frozen=True)
class Record:
    """One example. `image` holds encoded bytes or nothing, `texts` any number of captions."""

    key: str
    image: bytes
    texts: tuple[str, ...]
    source: str


# ---- one record as a tf.train.Example ----------------------------------------------------------


def encode(record: Record) -> bytes:
    """Serialised tf.train.Example: message Example { Features { map<string, Feature> } }."""
    features = {
        "image": [record.image] if record.image else [],
        "key": [record.key.encode()],
        "source": [record.source.encode()],
        "texts": [text.encode() for text in record.texts],
    }
    entries = b""
    for name, values in features.items():
        feature = _field(1, b"".join(_field(1, value) for value in values))  # bytes_list
        entries += _field(1, _field(1, name.encode()) + _field(2, feature))
    return _field(1, entries)


def decode(data: bytes) -> Record:
    """Inverse of encode; features that it does not know are passed over."""
    try:
        features = {}
        for entry in _fields(dict(_fields(data))[1]):
            parts = dict(_fields(entry[1]))
            lists = [value for _, value in _fields(parts[2])]
            features[parts[1].decode()] = [v for part in lists for _, v in _fields(part)]
        return Record(
            key=features["key"][0].decode(),
            image=next(iter(features.get("image", ())), b""),
            texts=tuple(text.decode() for text in features.get("texts", ())),
            source=features["source"][0].decode(),
        )
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise ValueError("not a record of this format") from error


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | LENGTH_DELIMITED) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _fields(data: bytes) -> list[tuple[int, bytes]]:
    """(field number, bytes) of a message that holds length-delimited fields only."""
    out, at = [], 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        size, at = _read_varint(data, at)
        if tag & 7 != LENGTH_DELIMITED or at + size > len(data):
            raise IndexError("cut or foreign message")
        out.append((tag >> 3, data[at : at + size]))
        at += size
    return out


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


# ---- a data set --------------------------------------------------------------------------------


def write(folder, splits: dict[str, Iterable[Record]], *, shards=1, extra=(), **about) -> dict:
    """Write all splits and dataset.json, whole or not at all. -> what dataset.json holds.

    about: name, licence, made_by, parameters. extra: {file name: bytes} to lie beside the
    shards. Empty splits are left out.
    """
    with whole_folder(folder) as draft:
        written = {name: _write_split(draft, name, rows, shards) for name, rows in splits.items()}
        written = {name: split for name, split in written.items() if split["records"]}
        info = {"format": FORMAT, **about, "splits": written}
        for name, data in dict(extra).items():
            (draft / name).write_bytes(data)
        (draft / INFO).write_text(json.dumps(info, indent=1))
    return info


def _write_split(folder: pathlib.Path, split: str, records: Iterable[Record], shards: int) -> dict:
    files = [f"{split}-{i:05d}-of-{shards:05d}.array_record" for i in range(shards)]
    # One record a group: random access reads no neighbours.
    writers = [ArrayRecordWriter(str(folder / file), "group_size:1") for file in files]
    counts = [0] * shards
    for number, record in enumerate(records):
        writers[number % shards].write(encode(record))
        counts[number % shards] += 1
    for writer in writers:
        writer.close()
    listed = [_shard(folder / file, count) for file, count in zip(files, counts)]
    return {"records": sum(counts), "shards": listed}


def _shard(file: pathlib.Path, records: int) -> dict:
    data = file.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    return {"file": file.name, "records": records, "bytes": len(data), "sha256": digest}


def read_info(folder) -> dict:
    """dataset.json of a folder."""
    file = pathlib.Path(folder) / INFO
    if not file.is_file():
        raise UserError(
            f"{folder} holds no {INFO}; give a folder made by python -m data_pipelines.build."
        )
    try:
        info = json.loads(file.read_text())
    except ValueError as error:
        raise UserError(f"{file} is no JSON ({error}); copy it again or build anew.") from error
    if info.get("format") != FORMAT:
        raise UserError(f"{file} has format {info.get('format')}, not {FORMAT}; build it again.")
    return info


def digest(info: dict) -> str:
    """Hash of all records of a data set, whatever its folder is called and wherever it lies."""
    hashed = hashlib.sha256()
    for name, split in sorted(info["splits"].items()):
        sums = " ".join(shard["sha256"] for shard in split["shards"])
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
        self._shards = [_open(pathlib.Path(folder), shard) for shard in splits[split]["shards"]]

    def __len__(self):
        return self._count

    def __getitem__(self, index: int) -> Record:
        place, shard = divmod(index, len(self._shards))
        return decode(self._shards[shard].read([place])[0])

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def keys(self) -> list[str]:
        """Keys of all records, in order."""
        return [record.key for record in self]


def _open(folder: pathlib.Path, shard: dict) -> ArrayRecordReader:
    file = folder / shard["file"]
    if not file.is_file():
        raise UserError(f"the shard {file} is missing; copy it again or build the data set anew.")
    if file.stat().st_size != shard["bytes"]:
        raise UserError(
            f"the shard {file} has {file.stat().st_size} bytes, not {shard['bytes']}; "
            "copy it again or build the data set anew."
        )
    return ArrayRecordReader(str(file))
