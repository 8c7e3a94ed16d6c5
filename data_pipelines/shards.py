"""Shards of one split, written one after the other: each appears whole, or it is not there.

Who was killed goes on behind the last whole shard. What comes out is the same bytes as if nobody
had been: a shard's bytes follow from its records alone.
"""

import contextlib
import hashlib
import os
import pathlib
from collections.abc import Iterator

from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter

from data_pipelines.files import located

SHARD_BYTES = 200 * 10**6  # suits a bucket: few enough objects, and many enough to share out
END = 2**20  # bytes at each end of a shard that are hashed whenever it is opened
TOGETHER = 64  # records that are read at once

# Random access reads no neighbours: one record a group, and nothing ahead.
WRITE, READ = "group_size:1", "readahead_buffer_size:0"


def open_shard(file) -> ArrayRecordReader:
    """A reader of a shard's records by their place in it."""
    return ArrayRecordReader(str(file), READ)


def stored(reader) -> Iterator[bytes]:
    """All records of an open shard, in order."""
    count = reader.num_records()
    for first in range(0, count, TOGETHER):
        yield from reader.read(first, min(first + TOGETHER, count))


def name(split, number) -> str:
    """What a shard is called."""
    return f"{split}-{number:05d}.array_record"


def framed(data: bytes) -> bytes:
    """A record behind its length, as the hash of a split has it."""
    return len(data).to_bytes(8, "big") + data


@contextlib.contextmanager
def _of_the_disk():
    """A full disk is an OSError, whatever ArrayRecord makes of it."""
    try:
        yield
    except RuntimeError as error:
        raise OSError(str(error).partition(";")[0]) from error


class Writer:
    """Writes SPLIT-00000.array_record, SPLIT-00001.array_record, ... into a folder.

    there: records of the shards that were whole when it began. They are not to be added again.
    """

    def __init__(self, folder, split):
        self._folder, self._split = pathlib.Path(folder), split
        self._hashed, self._shards, self._open, self._added = hashlib.sha256(), [], None, 0
        while self._next().is_file():
            reader = open_shard(self._next())
            for data in stored(reader):
                self._hash(data)
            self._shards.append(_told(self._next(), reader.num_records()))
        self.there = self._count()
        self._draft = self._folder / f".{split}.new"

    def _next(self):
        return self._folder / name(self._split, len(self._shards))

    def _count(self):
        return sum(shard["records"] for shard in self._shards)

    def _hash(self, data):
        self._hashed.update(framed(data))

    def add(self, data: bytes):
        """One more record."""
        with _of_the_disk():
            self._open = self._open or ArrayRecordWriter(str(self._draft), WRITE)
            self._open.write(data)
        self._hash(data)
        self._added += 1

    def cut(self):
        """End the shard; the next record begins another."""
        if self._open is None:
            return
        with _of_the_disk():
            self._open.close()
        with open(self._draft, "rb") as file:
            os.fsync(file.fileno())  # or a power cut leaves the name on an empty file
        os.replace(self._draft, self._next())
        self._shards.append(_told(self._next(), self._added))  # now, while it is in memory
        self._open, self._added = None, 0

    def finish(self) -> dict:
        """What dataset.json tells of the split."""
        self.cut()
        about = {"records": self._count(), "sha256": self._hashed.hexdigest()}
        return about | {"shards": list(self._shards)}


def _told(file: pathlib.Path, records: int) -> dict:
    size = file.stat().st_size
    return dict(
        file=file.name, records=records, bytes=size, sha256=file_sum(file), ends=ends(file, size)
    )


def file_sum(file) -> str:
    """Hash of a whole file."""
    with open(file, "rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def ends(file, size: int) -> str:
    """Hash of both ends of a file, which costs as little of a large one as of a small one.

    They tell one shard from another. What is harmed between them, ArrayRecord's own hash of each
    record tells when that is read.
    """
    with located(file).open("rb") as data:
        head = data.read(END)
        data.seek(max(len(head), size - END))
        return hashlib.sha256(head + data.read()).hexdigest()
