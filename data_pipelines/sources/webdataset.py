"""Source: tars as img2dataset writes them: KEY.jpg, KEY.txt and KEY.json side by side.

Files of one example stand together and share what is before the first dot of their name. Nothing is
unpacked to disk. Of a tar that is cut or harmed all is used that stands whole; where bytes are no
file of it, or its end is missing, that is told.
"""

import posixpath
import tarfile

from data_pipelines import tables
from data_pipelines.errors import UserError
from data_pipelines.example import Record
from data_pipelines.images import Unreadable, check_bytes
from data_pipelines.report import Report
from data_pipelines.sources.base import TEXT_COLUMNS, Example, Skipped, emptied, usable_texts
from data_pipelines.sources.files import Share, as_text, expand, told_splits

PICTURES = ("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif", "jp2", "img")
MOST_TEXT = 2**20  # bytes of a .txt or .json that are read
BLOCK = tarfile.BLOCKSIZE
CUT = "the rest of a tar that is cut or harmed"
GAP = "bytes of a tar that are no file"
NO_END = "the end of a tar is missing"


class WebDataset:
    """The examples of all tars, in order."""

    def __init__(self, options):
        if not options.shards:
            raise UserError("--from=webdataset needs --shards='DIR/{00000..00331}.tar'.")
        self._files = expand(options.shards, "--shards")
        self._splits, self._given = told_splits(self._files), options.shards
        self._columns = (options.text_column,) if options.text_column else TEXT_COLUMNS
        self._txt = not options.text_column
        self.told, self.at, self.paired = Report(), 0.0, ()

    def read(self):
        """Every example of every tar."""
        share = Share(self._files)
        for number, file in enumerate(self._files):
            size = file.stat().st_size
            for inside, found in self._of_tar(file, size):
                self.at = share.at(number, inside)
                yield found

    def nothing_left(self, what, held_out, report):
        """Why there is nothing to train on."""
        del what, held_out
        return emptied(f"--shards={self._given}", report)

    def _of_tar(self, file, size):
        """(share read, Example or Skipped) of one tar."""
        split, stem = self._splits.get(file, ""), as_text(file.stem)
        share, key, parts = 0.0, None, {}
        for share, found in _members(file, size):
            if isinstance(found, Skipped):
                yield share, found
                continue
            name, kind, data = found
            if name != key:
                yield from ((share, each) for each in self._example(f"{stem}/{key}", parts, split))
                key, parts = name, {}
            parts[kind] = data
        yield from ((share, each) for each in self._example(f"{stem}/{key}", parts, split))

    def _example(self, key, parts, split):
        """What one group of files gives."""
        picture = next((parts[kind] for kind in PICTURES if kind in parts), None)
        texts, bad = self._texts(key, parts)
        yield from bad
        if isinstance(picture, Skipped):
            yield picture
        elif picture is not None:
            yield Example(Record(key, picture, texts, "webdataset"), split)
        elif parts:
            yield Skipped("image missing", key)

    def _texts(self, key, parts):
        """The usable texts, and the others: of KEY.txt, else of KEY.json."""
        if isinstance(told := parts.get("txt"), bytes) and self._txt:
            return usable_texts(told.decode("utf-8", "surrogateescape"), key)
        if isinstance(told := parts.get("json"), bytes):
            cells = tables.parsed(told.decode("utf-8", "surrogateescape"))
            if not isinstance(cells, dict):
                return (), [Skipped("no JSON object", f"{key}.json")]
            found = next((cells[column] for column in self._columns if column in cells), None)
            return ((), []) if found is None else usable_texts(found, key)
        return (), [told] if isinstance(told, Skipped) else []


def _members(file, size):
    """(share read, (key, kind, bytes or Skipped)) of the files that an example is made of, and
    (share read, Skipped) of what is none."""
    name, end = as_text(file.name), 0
    try:
        with tarfile.open(file, "r:*", ignore_zeros=True) as archive:
            while member := archive.next():
                archive.members.clear()  # or it keeps every one
                share = min(1.0, member.offset / max(1, size))
                if not _zeros(archive, end, member.offset):
                    yield share, Skipped(GAP, f"{name} at byte {end:,}")
                end = archive.offset
                if part := _part(archive, member, name):
                    yield share, part
            if _zeros(archive, end, end + BLOCK) is False:
                yield 1.0, Skipped(NO_END, f"{name} at byte {end:,}")
    except Exception as error:  # tarfile and decoders of compressed ones raise many kinds
        yield 1.0, Skipped(CUT, f"{name} at byte {end:,} ({error})")


def _part(archive, member, name):
    """(key, kind, bytes or Skipped) of a file that says something, else None."""
    path = as_text(member.name)
    stem, _, kind = posixpath.basename(path).partition(".")
    key, kind = posixpath.join(posixpath.dirname(path), stem), kind.lower()
    if not (member.isreg() and kind in (*PICTURES, "txt", "json")):
        return None
    where = f"{name} {path}"
    if kind not in PICTURES and member.size > MOST_TEXT:
        return key, kind, Skipped("text too long", where)
    try:
        check_bytes(member.size)
    except Unreadable as error:
        return key, kind, Skipped(error.reason, error.of(where))
    return key, kind, archive.extractfile(member).read()


def _zeros(archive, start, end):
    """Whether the bytes in between are zeros, and there; True of none."""
    if start >= end:
        return True
    here = archive.fileobj.tell()
    archive.fileobj.seek(start)
    found, left = True, end - start
    while left and (data := archive.fileobj.read(min(left, 1 << 20))):
        found, left = found and not any(data), left - len(data)
    archive.fileobj.seek(here)
    return found and not left
