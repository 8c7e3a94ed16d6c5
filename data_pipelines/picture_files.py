"""The files of pictures in folders and zips, by their path inside."""

import functools
import lzma
import pathlib
import zipfile
import zlib

from data_pipelines import images
from data_pipelines.errors import UserError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
LARGEST = 2**28  # bytes of a picture in a zip; a short entry may unfold to any size
DAMAGE = (OSError, EOFError, RuntimeError, zipfile.BadZipFile)  # RuntimeError: encrypted
DAMAGE += (zlib.error, lzma.LZMAError)


class Pictures:
    """Files of folders and zip archives by their path inside."""

    def __init__(self, sources):
        self._files = {}
        for source in sources:
            self._add(pathlib.Path(source))

    def _add(self, source):
        if source.is_dir():
            for file in sorted(source.rglob("*")):
                if file.suffix.lower() in SUFFIXES:
                    self._files[file.relative_to(source).as_posix()] = file.read_bytes
        elif zipfile.is_zipfile(source):
            archive = zipfile.ZipFile(source)
            for name in sorted(archive.namelist()):
                if pathlib.PurePosixPath(name).suffix.lower() in SUFFIXES:
                    self._files[name] = functools.partial(_unzipped, archive, name)
        else:
            raise UserError(f"{source} is neither a folder nor a zip; check --images.")

    def __contains__(self, name):
        return name in self._files

    def __iter__(self):
        return iter(self._files)

    def data(self, name):
        """Bytes of a file, or ValueError."""
        try:
            return self._files[name]()
        except DAMAGE as error:
            raise ValueError(str(error)) from error

    def read(self, name):
        """Bytes of a picture that Pillow can decode, or ValueError."""
        data = self.data(name)
        images.decode(data, 8)
        return data


def _unzipped(archive, name):
    """Bytes of an entry; never more than it says."""
    size = archive.getinfo(name).file_size
    if size > LARGEST:
        raise ValueError(f"{name} claims {size:,} bytes")
    with archive.open(name) as entry:
        return entry.read(size)
