"""Records on disk: a folder of ArrayRecord shards and one dataset.json that says what is there.

    SPLIT-00000.array_record, SPLIT-00001.array_record, ...
        one record a group; each is a tf.train.Example as example.py tells it. Record i of a
        split is the ith of its shards one behind the other.
    dataset.json
        format      3
        name, licence, made_by, made_of, parameters     whence it comes
        splits      {SPLIT: {"records", "sha256", "shards": [...]}}, where SPLIT is one of
                    pairs      image and texts       images     image alone
                    texts      texts alone           questions  image and what is asked about it
                    validation, test, ...            pairs that are not trained on
                    X_questions                      what is asked about the pictures of X
                    sha256: of all records in order, each behind its length in 8 bytes (big endian)
                    a shard: {"file", "records", "bytes", "sha256", "ends"}; file: from this folder,
                    so that shards may lie in another; ends: see shards.ends; may be left out
                    hashes: see hashes.py; may be left out
        lone_sets_are_apart     true: no example stands in both images and texts. Where it is left
                                out, every key is read at the start of a run to see so
        files       {FILE: {"bytes", "sha256"}} of what lies beside the shards but for hashes; may
                    be left out
        unpaired, pictures_twice, leaks     what building found, for the page of inspect
        sha256      of all of the above as JSON with sorted keys; whoever writes one calls `finish`
    vocabulary.model, report.json, SPLIT.hashes.npy     beside them, where they are

A data set is known by the keys and bytes of its records, wherever it lies.
"""

import bisect
import collections
import functools
import hashlib
import itertools
import json
import pathlib
import posixpath
import threading
from collections.abc import Iterable
from typing import NamedTuple

from data_pipelines.errors import Damaged, UserError
from data_pipelines.example import Record, decode, encode
from data_pipelines.fetched import shelf
from data_pipelines.files import is_address, located, whole_folder
from data_pipelines.shards import SHARD_BYTES, Writer, ends, open_shard

FORMAT = 3
IN_TURN = (1, 2)  # formats before, which are read too: record i lies in shard i % shards
UNSIGNED = 1  # the first, without hashes of records and of dataset.json
INFO = "dataset.json"
AGAIN = "copy it again or build the data set anew."
OPEN = 64  # shards of a split that are open at once
LOOKED_AT = 16  # shards whose ends are looked at when a split is opened, and not when they are read
LONE = ("images", "texts")
APART = "lone_sets_are_apart"  # the fact that no example stands in both, so that nobody looks again


def write(folder, splits: dict[str, Iterable[Record]], *, extra=(), **about) -> dict:
    """`fill` a folder, whole or not at all."""
    with whole_folder(folder) as draft:
        return fill(draft, splits, extra=extra, **about)


def fill(folder, splits: dict[str, Iterable[Record]], *, extra=(), **about) -> dict:
    """Write all splits and dataset.json into an empty folder. -> what dataset.json holds.

    about: name, licence, made_by, made_of, parameters. extra: {file name: bytes} to lie beside the
    shards. Empty splits are left out.
    """
    return finish(folder, *write_splits(folder, splits), extra, **about)


def write_splits(folder, splits, shard_bytes=SHARD_BYTES) -> tuple[dict, dict]:
    """Shards of all splits, and what dataset.json tells of them: ({split: ...}, more facts)."""
    lone = {name: set() for name in LONE}
    written = {
        name: _write_split(Writer(folder, name), rows, shard_bytes, lone.get(name))
        for name, rows in splits.items()
    }
    return written, {APART: lone["images"].isdisjoint(lone["texts"])}


def _write_split(writer, records, shard_bytes, concepts):
    size = 0
    for record in records:
        data = encode(record)
        if size and size + len(data) > shard_bytes:
            writer.cut()
            size = 0
        writer.add(data)
        size += len(data)
        if concepts is not None:
            concepts.add(concept(record.key))
    return writer.finish()


def finish(folder, written: dict, facts: dict, extra=(), **about) -> dict:
    """Write what lies beside the shards of all splits. -> what dataset.json holds."""
    info = {"format": FORMAT, **about, **facts}
    info["splits"] = {name: split for name, split in written.items() if split["records"]}
    for name, data in dict(extra).items():
        (located(folder) / name).write_bytes(data)
        told = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        info.setdefault("files", {})[name] = told
    write_info(folder, info)
    return info


def concept(key: str) -> str:
    """What a record that was drawn is of: two of one concept are a pair torn apart."""
    return key.split("#")[0]


def write_info(folder, info: dict):
    """dataset.json with a hash of itself."""
    text = json.dumps(info | {"sha256": _sum(info)}, indent=1)
    (located(folder) / INFO).write_bytes(text.encode())


def _sum(info: dict) -> str:
    return hashlib.sha256(json.dumps(info, sort_keys=True).encode()).hexdigest()


def read_info(folder) -> dict:
    """dataset.json of a folder, if it is as it was written."""
    file = located(folder) / INFO
    if not file.is_file():
        raise UserError(
            f"{folder} holds no {INFO}; give a folder made by python -m data_pipelines.build."
        )
    try:
        info = dict(json.loads(file.read_bytes()))
    except (ValueError, TypeError) as error:
        raise UserError(f"{file} is damaged ({error}); {AGAIN}") from error
    if info.get("format") not in (*IN_TURN, FORMAT):
        raise UserError(f"{file} has format {info.get('format')}, not {FORMAT}; {AGAIN}")
    if info["format"] != UNSIGNED and info.pop("sha256", "") != _sum(info):
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


class Part(NamedTuple):
    """Records of a split that lie in the shards of one folder: of a merged data set one it is made
    of. numbers: of its shards."""

    folder: str
    first: int
    count: int
    numbers: range


class Records:
    """Random access to one split, whose records lie in its shards one after the other. Safe to
    share by threads. A shard is opened when a record of it is asked for, few at a time; one of a
    bucket is fetched for it."""

    def __init__(self, folder, split: str):
        info = read_info(folder)
        splits = info["splits"]
        if split not in splits:
            raise UserError(f"{folder} has no split {split}; it has {', '.join(sorted(splits))}.")
        self.split, self._count = split, splits[split]["records"]
        self._told, self._in_turn = splits[split]["shards"], info["format"] in IN_TURN
        self.away = is_address(folder)
        self._files = [located(folder) / shard["file"] for shard in self._told]
        self._ends = list(itertools.accumulate(shard["records"] for shard in self._told))
        self._open, self._lock = collections.OrderedDict(), threading.Lock()
        self._unseen = set(range(len(self._files)))
        if not self.away:
            self._look()

    def _look(self):
        """At the sizes of all shards and at the ends of some, before any record is asked for."""
        for file, shard in zip(self._files, self._told):
            _check_size(file, shard["bytes"])
        for number in range(min(LOOKED_AT, len(self._files))):
            self._shard(number)

    def __len__(self):
        return self._count

    @functools.cached_property
    def parts(self) -> list[Part]:
        """In their order."""
        found, number = [], 0
        for folder, shards in itertools.groupby(self._told, lambda s: posixpath.dirname(s["file"])):
            rows = [shard["records"] for shard in shards]
            numbers = range(number, number + len(rows))
            found.append(Part(folder, self._first(number), sum(rows), numbers))
            number += len(rows)
        return found

    @property
    def runs(self) -> list[range]:
        """Numbers of the records of each shard; of all, where they lie in turn."""
        if self._in_turn:
            return [range(self._count)]
        firsts = map(self._first, range(self.files))
        return [range(*ends) for ends in zip(firsts, self._ends) if range(*ends)]

    @property
    def bytes(self) -> int:
        """Of all shards."""
        return sum(shard["bytes"] for shard in self._told)

    def ahead(self, numbers):
        """Shards, by their numbers, that will be asked for soon."""
        if self.away:
            shelf().ahead((self._files[number], self._told[number]) for number in numbers)

    @property
    def files(self) -> int:
        """How many shards there are."""
        return len(self._files)

    @property
    def shards(self) -> tuple[int, ...]:
        """Rows of each shard, of shards whose rows lie one behind the other."""
        if self._in_turn:
            raise UserError(
                f"the rows of split {self.split} lie in turn in its shards, as an older format has "
                "it, so that no window holds few of them; build the data set anew, or set "
                "data.window=0."
            )
        return tuple(shard["records"] for shard in self._told)

    def __getitem__(self, index: int) -> Record:
        number, place = self._place(index)
        return self._read(self._shard(number), number, place)

    def _read(self, reader, number, place):
        try:
            return decode(reader.read([place])[0])
        except (ValueError, RuntimeError, IndexError) as error:
            raise Damaged(
                f"record {self._index(number, place)} of split {self.split} cannot be read: the "
                f"shard {self._files[number]} is damaged; {AGAIN}"
            ) from error

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def keys(self) -> list[str]:
        """Keys of all records, in order."""
        return [record.key for record in self]

    def _place(self, index):
        """(shard, place in it) of a record."""
        if self._in_turn:
            return divmod(index, len(self._files))[::-1]
        number = bisect.bisect_right(self._ends, index)
        return number, index - self._first(number)

    def _index(self, number, place):
        """Inverse of `_place`."""
        return place * len(self._files) + number if self._in_turn else self._first(number) + place

    def _first(self, number):
        return self._ends[number] - self._told[number]["records"]

    def _shard(self, number):
        """The open shard of this number; the one that waits longest is closed for it."""
        with self._lock:
            if number in self._open:
                self._open.move_to_end(number)
                return self._open[number]
            reader = self._opened(number)
            if number in self._unseen and not self.away:
                self._check_ends(number, reader)
                self._unseen.discard(number)
            self._open[number] = reader
            if len(self._open) > OPEN:
                self._open.popitem(last=False)
            return reader

    def _opened(self, number):
        file = self._files[number]
        while self.away:
            here = shelf().file(file, self._told[number])
            reader = open_shard(here)
            # The first question opens it; from then on it may make room for another.
            if reader.num_records() or here.is_file():
                return reader
        return open_shard(file)

    def _check_ends(self, number, reader):
        """Whether it is the shard that dataset.json tells of."""
        file, shard = self._files[number], self._told[number]
        if "ends" not in shard or shard["ends"] == ends(file, shard["bytes"]):
            return
        for place in range(shard["records"]):
            self._read(reader, number, place)  # names the first that is damaged
        raise UserError(f"the shard {file} is not the one that {INFO} tells of; {AGAIN}")


def _check_size(file: pathlib.Path, size: int):
    if not file.is_file():
        raise UserError(f"the shard {file} is missing; {AGAIN}")
    if file.stat().st_size != size:
        raise UserError(f"the shard {file} has {file.stat().st_size} bytes, not {size}; {AGAIN}")
