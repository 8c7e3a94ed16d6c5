"""The first of the two readings of a source: every example is looked at, and none is kept.

An example leaves one row on disk: what the plan has to know of it. Whoever is killed goes on behind
the rows that are there.
"""

import collections
import concurrent.futures
import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator

import numpy as np
import xxhash

from data_pipelines import images
from data_pipelines.images import Unreadable
from data_pipelines.sources.base import SPLITS, Example

TOLD = ("", *dict.fromkeys(SPLITS.values()))  # what a source may tell of a split
ROW = np.dtype([
    ("key", "<u8"),  # first bytes of its sha256
    ("pixels", "<u8"),  # `pixels_hash`; 0 without a picture
    ("image", "<u4"),  # bytes of the picture
    ("words", "<u4"),  # bytes of texts, questions and answers
    ("texts", "<u2"),  # how many
    ("asked", "<u2"),
    ("told", "u1"),  # of TOLD
    ("bad", "u1"),  # whether the picture cannot be read
])  # fmt: skip
TASK_BYTES, TASK_EXAMPLES = 2 << 20, 64  # what a core takes at once
PART = 2**14  # rows that are in memory at once
WORKERS = os.cpu_count() or 1
MOST = 2**16 - 1  # texts of an example that are counted


class Rows:
    """ROW of every example, in a file; a slice of it is read anew."""

    def __init__(self, file):
        self._file = file

    def __len__(self):
        return os.path.getsize(self._file) // ROW.itemsize

    def __getitem__(self, here: slice) -> np.ndarray:
        first, last, _ = here.indices(len(self))
        return np.fromfile(self._file, ROW, last - first, offset=first * ROW.itemsize)


def parts(rows) -> Iterator[tuple[int, np.ndarray]]:
    """(number of the first, ROW) of Rows, or of an array of ROW, some at a time."""
    for first in range(0, len(rows), PART):
        yield first, rows[first : first + PART]


def scan(source, file, progress) -> Rows:
    """Look at every example of a source."""
    done = file.stat().st_size // ROW.itemsize if file.exists() else 0
    with open(file, "ab") as out:
        out.truncate(done * ROW.itemsize)
        examples = (each for each in source.read() if isinstance(each, Example))
        for rows in in_order(_rows, tasks(itertools.islice(examples, done, None))):
            out.write(rows.tobytes())
            out.flush()
            done += len(rows)
            progress.at(done, source.at)
        os.fsync(out.fileno())
    return Rows(file)


def tasks(examples: Iterable[Example]) -> Iterator[list[Example]]:
    """The examples, some at a time: as many as a core takes at once."""
    task, size = [], 0
    for example in examples:
        task.append(example)
        size += len(example.record.image)
        if size >= TASK_BYTES or len(task) == TASK_EXAMPLES:
            yield task
            task, size = [], 0
    if task:
        yield task


def in_order(work, items: Iterable) -> Iterator:
    """work(item) of each, on all cores and in order; few items are in memory at a time."""
    waiting = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > 2 * WORKERS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _rows(examples):
    return np.array([row(example) for example in examples], ROW)


def row(example: Example) -> tuple:
    """What the plan has to know of an example, as ROW has it."""
    record, pixels, bad = example.record, 0, False
    try:
        pixels = pixels_hash(images.upright(record.image)) if record.image else 0
    except Unreadable:
        bad = True
    said = [*record.texts, *(part for each in record.asked for part in each)]
    counts = (min(len(each), MOST) for each in (record.texts, record.asked))
    size = sum(len(text.encode()) for text in said)
    told = TOLD.index(example.split)
    return (key_hash(record.key), pixels, len(record.image), size, *counts, told, bad)


def key_hash(key: str) -> int:
    """Of 64 bits."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")


def pixels_hash(image) -> int:
    """Of 64 bits and not 0: equal for equal pixels, in whatever file they lie."""
    pixels = np.ascontiguousarray(image)
    sides = xxhash.xxh3_64_intdigest(repr(pixels.shape).encode())
    return xxhash.xxh3_64_intdigest(pixels, seed=sides) or 1
