"""What one machine of many does for a data set: a file of the source, or a shard, at a time.

    look          a file of the source -> the rows that the plan is made of
    parts_of      ... once there is a plan -> its records, each with the shard that it belongs to
    write_shard   the records of a shard, in any order -> the shard
    tell_split    the shards of a split -> what dataset.json tells of it

Each is a function of what it is given, so that any system may call it, anywhere and twice. What is
found lies in the folder WORK of the data set, which all machines reach.
"""

import bisect
import contextlib
import dataclasses
import hashlib
import json
import pathlib
import tempfile
import types
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from data_pipelines import parts, plan, scan, shards
from data_pipelines.errors import UserError
from data_pipelines.files import here, located, put, whole
from data_pipelines.report import Report
from data_pipelines.sources.base import Example, Skipped
from data_pipelines.sources.files import File, InFiles

WORK = ".work"
ROWS, TOLD, FAULTS = "rows", "told", "faults"  # folders in it
DECIDED = "decided"  # plan.DECIDED of all examples
Key = tuple[str, int]  # split and number of a shard
Numbered = tuple[int, bytes]  # a record and which of its split it is


@dataclasses.dataclass(frozen=True)
class Work:
    """What is the same for all machines. folder: of the data set. cuts, every: once there is a
    plan, {split: behind which records its shards end} and `parts.every`."""

    folder: str
    source: InFiles
    options: types.SimpleNamespace
    cuts: dict = dataclasses.field(default_factory=dict)
    every: int = 0

    def place(self, *names):
        """A file of WORK."""
        return located("/".join([self.folder, WORK, *names]))


class Task(NamedTuple):
    """A file of the source at its second reading: its examples from `first` to before `last`, of
    all. counts: {split: records before them}."""

    number: int
    file: File
    first: int
    last: int
    counts: dict


def called(number) -> str:
    """What a file's own files in WORK are called."""
    return f"{number:06d}"


def look(work: Work, number: int, file: File):
    """Leave scan.ROW of its examples, and a report of what cannot be used."""
    place = work.place(ROWS, called(number))
    if place.is_file():  # of somebody who was killed
        return
    report = Report()
    with _faults(work, number), _found(work, file) as found:
        rows = np.array([row for each in found for row in _rows(each, report)], scan.ROW)
        _tell(work.place(ROWS, f"{called(number)}.json"), report.summary())
        with whole(place) as out:
            out.write(rows.tobytes())


def _rows(each, report):
    if isinstance(each, Skipped):
        report.skip(*each)
        return
    *_, bad = row = scan.row(each)
    if bad:
        report.skip(*parts.why(each.record))
    yield row


def parts_of(work: Work, task: Task) -> Iterator[tuple[Key, Numbered]]:
    """((split, shard), (number in the split, bytes)) of each record; leaves what is told of it."""
    report = Report()
    some = parts.Parts(_decided(work, task), dict(task.counts), work.every, report)
    with _faults(work, task.number), _found(work, task.file) as found:
        for record, split, number in some.of(found):
            shard = bisect.bisect_right(work.cuts[split], number)
            yield (split, shard), (number, parts.data(record, work.options))
        told = {"report": report.summary(), "leaks": some.leaks, "texts": some.texts}
        _tell(work.place(TOLD, f"{called(task.number)}.json"), told)


def _decided(work, task):
    size = plan.DECIDED.itemsize
    with work.place(DECIDED).open("rb") as file:
        file.seek(task.first * size)
        return np.frombuffer(file.read((task.last - task.first) * size), plan.DECIDED)


def write_shard(
    work: Work, key: Key, records: Iterable[Numbered]
) -> tuple[str, tuple[int, dict]]:
    """-> (split, (number of the shard, what dataset.json tells of it))."""
    split, number = key
    name = shards.name(split, number)
    with tempfile.TemporaryDirectory() as folder:
        writer = shards.Writer(folder, split)
        for _, data in sorted(records, key=itemgetter(0)):
            writer.add(data)
        (told,) = writer.finish()["shards"]
        put(pathlib.Path(folder, told["file"]), located(work.folder) / name)
    return split, (number, told | {"file": name})


def tell_split(work: Work, split: str, numbered: Iterable[tuple]):
    """Leave what dataset.json tells. One hash over all records cannot be shared out: a split is
    read once more, by one machine."""
    told, hashed = [each for _, each in sorted(numbered, key=itemgetter(0))], hashlib.sha256()
    for shard in told:
        with here(located(work.folder) / shard["file"]) as file:
            for data in shards.stored(shards.open_shard(file)):
                hashed.update(shards.framed(data))
    count = sum(shard["records"] for shard in told)
    about = {"records": count, "sha256": hashed.hexdigest(), "shards": told}
    _tell(work.place(TOLD, f"{split}.json"), about)


@contextlib.contextmanager
def _found(work, file) -> Iterator[Iterator[Example | Skipped]]:
    """What the source finds in a file."""
    with here(file.path) as path:
        yield (each for _, each in work.source.read_file(file._replace(path=path)))


@contextlib.contextmanager
def _faults(work, number):
    """A fault that the user can mend is left for whoever started it: no machine mends it by doing
    it again."""
    try:
        yield
    except UserError as error:
        with whole(work.place(FAULTS, called(number)), "w") as file:
            file.write(str(error))


def _tell(place, told):
    with whole(place, "w") as file:
        json.dump(told, file)
