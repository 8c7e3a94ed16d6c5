"""The files of folders and zips, by their path inside: each is used as a picture or accounted for.

What a file is, its contents say and not its name. No file takes the place of another: two of one
name are refused.
"""

import functools
import hashlib
import os
import pathlib
import zipfile

from data_pipelines import images
from data_pipelines.errors import UserError
from data_pipelines.images import Unreadable
from data_pipelines.progress import Bar

HIDDEN = "hidden file"  # thumbnails, checkpoints, and what an archiver left beside each file
LINKED = "link to a folder"  # which may lead round in a circle: give that folder itself
NAMELESS = "entry without a name"  # of a zip that is harmed


class Pictures:
    """Files that may be pictures, by their path inside of their folder or zip."""

    def __init__(self, sources):
        self.left_out = []  # (reason, name) of what is none at first sight
        self._files, self._sources = {}, {}
        self.sources = tuple(map(pathlib.Path, sources))
        for source in self.sources:
            found = dict(sorted(_unique(source, _listed(source)).items()))
            for name, read in found.items():
                self._add(source, name, read)

    def _add(self, source, name, read):
        if reason := _passed_over(name, read):
            self.left_out.append((reason, name))
            return
        if name in self._files:
            raise UserError(
                f"{self._sources[name]} and {source} both hold {name}; rename it in one of them, "
                f"or give the folder that holds both, in which it is FOLDER/{name}."
            )
        self._files[name], self._sources[name] = read, source

    def __contains__(self, name):
        return name in self._files

    def __iter__(self):
        return iter(self._files)

    def __len__(self):
        return len(self._files)

    def data(self, name):
        """Bytes of a file, or Unreadable."""
        try:
            return self._files[name]()
        except Unreadable:
            raise
        except Exception as error:  # a zip's entry may be encrypted, cut or packed in any way
            raise Unreadable(images.UNREADABLE, str(error)) from error

    def read(self, name):
        """Bytes of a picture whose pixels can be read, or Unreadable."""
        data = self.data(name)
        images.decode(data, 8)
        return data

    def usable(self, report):
        """(name, bytes) of every picture whose pixels can be read; the report hears of the rest."""
        self.tell_left_out(report)
        for name in self:
            try:
                data = self.read(name)
            except Unreadable as error:
                report.skip(error.reason, error.of(name))
            else:
                yield name, data

    def tell_left_out(self, report):
        """Count what is no picture at first sight."""
        for reason, name in self.left_out:
            report.skip(reason, name)

    def digest(self):
        """Hash of all names and contents, wherever they lie."""
        hashed = hashlib.sha256()
        with Bar("read", "files") as bar:
            for number, name in enumerate(self, start=1):
                hashed.update(f"{name}\n{self._sum(name)}\n".encode())
                bar.at(number, number / len(self))
        return hashed.hexdigest()

    def _sum(self, name):
        try:
            return hashlib.sha256(self.data(name)).hexdigest()
        except Unreadable as error:
            return error.reason


def _passed_over(name, read):
    if not name:
        return NAMELESS
    parts = name.split("/")
    if "__MACOSX" in parts or any(part.startswith(".") for part in parts):
        return HIDDEN
    return LINKED if read is None else None


def _unique(source, listed):
    """{name: read} of pairs of them."""
    found = {}
    for name, read in listed:
        if name in found:
            raise UserError(
                f"{source} holds two files called {name}; pack it again with one of each name."
            )
        found[name] = read
    return found


def _listed(source):
    """(path inside, function to bytes) of all files; None instead of it of what is not followed."""
    if source.is_dir():
        return _in_folder(source)
    if not zipfile.is_zipfile(source):
        raise UserError(f"{source} is neither a folder nor a zip; check --images.")
    try:
        archive = zipfile.ZipFile(source)
    except Exception as error:
        raise UserError(f"{source} is no whole zip ({error}); fetch it again.") from error
    # Not is_dir(): of a name that a NUL cuts to nothing that is an IndexError.
    entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
    return [(e.filename, functools.partial(_unzipped, archive, e)) for e in entries]


def _in_folder(top):
    for folder, inner, files in os.walk(top, onerror=_refuse):
        place = pathlib.Path(folder)
        for file in (place / name for name in inner if (place / name).is_symlink()):
            yield _name(file, top), None
        for file in (place / name for name in files):
            yield _name(file, top), functools.partial(images.read, file)


def _name(file, top):
    """Path inside as text, also where the file system's bytes are none."""
    return os.fsencode(file.relative_to(top).as_posix()).decode(errors="backslashreplace")


def _refuse(error):
    raise UserError(f"{error.filename} cannot be opened ({error.strerror}); give the right to it.")


def _unzipped(archive, entry):
    """Bytes of an entry; never more than it says, since a short one may unfold to any size."""
    images.check_bytes(entry.file_size)
    with archive.open(entry) as opened:
        return opened.read(entry.file_size)
