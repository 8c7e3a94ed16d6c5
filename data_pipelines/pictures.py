"""Pictures one at a time: of a folder, a zip, or a split of a data set (DIR:split)."""

import dataclasses
import functools
import hashlib
import pathlib
import zipfile
from collections.abc import Callable, Iterator

import numpy as np

from data_pipelines import images
from data_pipelines.errors import UserError
from data_pipelines.folder import Report
from data_pipelines.picture_files import Pictures
from data_pipelines.records import INFO, Records, read_info

UNREADABLE = "cannot be read"  # why a picture was skipped whose bytes nobody has seen


@dataclasses.dataclass(frozen=True)
class Source:
    """Where pictures lie. None is in memory before it is asked for."""

    name: str
    digest: Callable[[], str]  # changes whenever a picture does that can be read
    files: tuple[tuple[str, Callable[[], bytes]], ...]  # what each is called, and its bytes

    def read(self, report: Report) -> Iterator[np.ndarray]:
        """uint8 [h, w, 3] of every picture, in order; the report hears of broken ones."""
        for name, data in self.files:
            try:
                encoded = data()
            except (ValueError, OSError, RuntimeError):  # a shard's reader raises any of them
                report.skip(UNREADABLE, name)
                continue
            try:
                picture = images.decode(encoded)
            except ValueError:
                report.skip("broken picture", name)
                continue
            yield picture

    def repeatable(self, report: Report) -> bool:
        """Whether to read again would skip the same: all bytes were there, good or broken."""
        return UNREADABLE not in report.skipped


def find(source: str) -> Source:
    """The pictures that a command line names."""
    path, (folder, colon, split) = pathlib.Path(source), source.rpartition(":")
    if (path / INFO).is_file():
        splits = ", ".join(sorted(read_info(path)["splits"]))
        raise UserError(f"{source} is a data set; say which split, as in {source}:test ({splits}).")
    if path.is_dir() or path.is_file() and zipfile.is_zipfile(path):
        return _files(source)
    if colon and (pathlib.Path(folder) / INFO).is_file():
        return _split(source, folder, split)
    raise UserError(
        f"{source} is neither a folder of pictures nor a zip nor DIR:split of a data set; "
        "check the path."
    )


def _files(source):
    found = Pictures([source])
    names = list(found)
    if not names:
        raise UserError(f"{source} holds no picture file; give a folder or zip that does.")

    def digest():
        hashed = hashlib.sha256()
        for name in names:
            hashed.update(f"{name}\n{_hash_of(found, name)}\n".encode())
        return hashed.hexdigest()

    return Source(source, digest, tuple((n, functools.partial(found.data, n)) for n in names))


def _hash_of(found, name):
    try:
        return hashlib.sha256(found.data(name)).hexdigest()
    except ValueError:
        return "unreadable"


def _split(source, folder, split):
    records = Records(folder, split)
    shards = [shard["sha256"] for shard in read_info(folder)["splits"][split]["shards"]]
    digest = lambda: hashlib.sha256("\n".join(shards).encode()).hexdigest()
    data = lambda index: records[index].image
    names = (f"record {i} of {split}" for i in range(len(records)))
    files = tuple((name, functools.partial(data, i)) for i, name in enumerate(names))
    return Source(source, digest, files)
