"""Pictures one at a time: of a folder, a zip, or a split of a data set (DIR:split)."""

import dataclasses
import functools
import pathlib
import zipfile
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from data_pipelines import images
from data_pipelines.errors import UserError
from data_pipelines.folder import Report
from data_pipelines.images import Unreadable
from data_pipelines.picture_files import Pictures
from data_pipelines.records import INFO, Records, read_info
from data_pipelines.records import digest as records_digest


@dataclasses.dataclass(frozen=True)
class Source:
    """Where pictures lie. None is in memory before it is asked for."""

    name: str
    digest: Callable[[], str]  # changes whenever a picture does that can be read
    files: tuple[tuple[str, Callable[[], bytes]], ...]  # what each is called, and its bytes
    left_out: Sequence[tuple[str, str]] = ()  # (reason, name) of what is no picture at first sight

    def read(self, report: Report) -> Iterator[np.ndarray]:
        """uint8 [h, w, 3] of every picture, in order; the report hears of all that is none."""
        for reason, name in self.left_out:
            report.skip(reason, name)
        for name, data in self.files:
            try:
                picture = images.decode(data())
            except Unreadable as error:
                report.skip(error.reason, error.of(name))
            else:
                yield picture

    def repeatable(self, report: Report) -> bool:
        """Whether to read again would skip the same: all bytes were there, good or broken."""
        return images.UNREADABLE not in report.skipped


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
    if not len(found):
        raise UserError(f"{source} holds no picture file; give a folder or zip that does.")

    files = tuple((name, functools.partial(found.data, name)) for name in found)
    return Source(source, found.digest, files, found.left_out)


def _split(source, folder, split):
    records = Records(folder, split)
    info = read_info(folder)
    alone = info | {"splits": {split: info["splits"][split]}}
    data = lambda index: records[index].image
    names = (f"record {i} of {split}" for i in range(len(records)))
    files = tuple((name, functools.partial(data, i)) for i, name in enumerate(names))
    return Source(source, lambda: records_digest(alone), files)
