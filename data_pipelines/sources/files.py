"""The files that a pattern names, as 'cc3m/{00000..00331}.tar' or 'a/*.parquet,b/*.parquet', and
what sources of such files share: each of them can be read by itself.

Many and large, so that they are known by names, sizes and both ends and not read to tell.
"""

import glob
import hashlib
import itertools
import os
import pathlib
import re
from collections.abc import Iterator
from typing import NamedTuple

from data_pipelines.errors import UserError
from data_pipelines.files import is_address, located
from data_pipelines.places import SERVED, place, several
from data_pipelines.report import Report
from data_pipelines.shards import ends
from data_pipelines.sources.base import SPLITS, Example, Skipped, emptied

RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
SPLIT = re.compile(rf"(?:^|[_.-])({'|'.join(sorted(SPLITS, key=len)[::-1])})(?=\d|[_.-]|$)")


def expand(pattern, flag) -> list[pathlib.Path]:
    """All files of a pattern, which have to be there: here, or in a bucket."""
    found = []
    for part in several(pattern):
        names = _listed(place(part, bucket=True, pattern=True))
        missing = next((name for name in names if not located(name).is_file()), None)
        if missing or not names:
            raise UserError(f"{missing or part} is no file that is there; check {flag}.")
        found += names
    if len(set(found)) < len(found):
        raise UserError(f"{flag} names a file twice; name each once.")
    return [located(name) for name in found]


def _listed(pattern):
    """The names of one pattern; those of braces also where no such file is there."""
    if os.path.exists(pattern):
        return [pattern]
    spread = RANGE.split(pattern)
    ranges = [_numbers(*two) for two in zip(spread[1::3], spread[2::3])]
    texts = spread[0::3]
    names = ["".join(_woven(texts, numbers)) for numbers in itertools.product(*ranges)]
    return [file for name in names for file in _there(name)]


def _there(name):
    if not glob.has_magic(name):
        return [name]
    if not is_address(name):
        return sorted(glob.glob(name))
    bucket, _, rest = name.removeprefix(f"{SERVED}://").partition("/")
    return sorted(str(path) for path in located(f"{SERVED}://{bucket}").glob(rest))


def _numbers(first, last):
    return [f"{i:0{len(first)}d}" for i in range(int(first), int(last) + 1)]


def _woven(texts, numbers):
    return [part for pair in itertools.zip_longest(texts, numbers, fillvalue="") for part in pair]


def sums(pattern) -> str:
    """Hash of the names, sizes and ends of what a pattern names, wherever it lies; of what is gone
    too."""
    hashed = hashlib.sha256()
    for part in several(pattern):
        for name in _listed(place(part, bucket=True, pattern=True)):
            hashed.update(f"{os.path.basename(name)} {_sum(name)}\n".encode(errors="replace"))
    return hashed.hexdigest()


def _sum(name):
    file = located(name)
    if not file.is_file():
        return "gone"
    with file.open("rb") as data:
        size = data.seek(0, os.SEEK_END)
    return f"{size} {ends(file, size)}"


def told_splits(files) -> dict:
    """{file: pairs, validation or test} where their names tell more than one of them, else {}."""
    found = {file: SPLIT.search(pathlib.Path(file).name.lower()) for file in files}
    told = {file: SPLITS[match[1]] for file, match in found.items() if match}
    return told if len(set(told.values())) > 1 else {}


def labels(files) -> dict[pathlib.Path, str]:
    """{file: what it is called in keys}: its path inside of the folder that holds all of them."""
    top = os.path.commonpath([os.path.abspath(file.parent) for file in files])
    return {file: as_text(os.path.relpath(os.path.abspath(file), top)) for file in files}


def as_text(name: str) -> str:
    """A name as text, also where the bytes of the system that wrote it are none."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class Share:
    """How much of some files is read, by their sizes."""

    def __init__(self, files):
        self._sizes = [os.path.getsize(file) for file in files]
        self._before = [0, *itertools.accumulate(self._sizes)]

    def at(self, number, inside=0.0) -> float:
        """A share of all, `inside` (0 to 1) of the file with this number."""
        all_of_it = self._before[-1] or 1
        return (self._before[number] + inside * self._sizes[number]) / all_of_it


class File(NamedTuple):
    """A file of a source. name: what it is called in keys. split: what its own name tells."""

    path: pathlib.Path
    name: str
    split: str


class InFiles:
    """A source whose examples lie in files, one file after the other."""

    def __init__(self, pattern, flag):
        paths = expand(pattern, flag)
        names, splits = labels(paths), told_splits(paths)
        self.files = [File(path, names[path], splits.get(path, "")) for path in paths]
        self._given = f"{flag}={pattern}"
        self.told, self.at, self.paired = Report(), 0.0, ()

    def read(self):
        """Every example of every file."""
        share = Share([file.path for file in self.files])
        for number, file in enumerate(self.files):
            for inside, found in self.read_file(file):
                self.at = share.at(number, inside)
                yield found

    def read_file(self, file: File) -> Iterator[tuple[float, Example | Skipped]]:
        """(share read, what is found) of one of them."""
        raise NotImplementedError

    def nothing_left(self, what, held_out, told):
        """Why there is nothing to train on."""
        del what
        if held_out:
            return f"{self._given} holds out all that it has; leave some to train on."
        return emptied(self._given, told())
