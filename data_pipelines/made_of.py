"""What a data set was made of, so that "there already" is said of what would be made the same."""

import hashlib
import os
import pathlib

from data_pipelines.picture_files import Pictures
from data_pipelines.places import several
from data_pipelines.sources.files import sums
from data_pipelines.words.find import open_words


def read(given):
    """{flag: text} of {flag: value}: a hash of the contents of what lies somewhere, which is read
    to its end; the value of any other."""
    return {flag: CONTENTS.get(flag, str)(value) for flag, value in given.items()}


def changes(before, now):
    """One sentence part for each flag that gives something else than it did."""
    for flag in sorted(before.keys() | now.keys()):
        was, is_now = before.get(flag, "left out"), now.get(flag, "left out")
        if was != is_now and flag in CONTENTS:
            yield f"what {flag} gives has other contents"
        elif was != is_now:
            yield f"{flag} was {was} and is {is_now}"


def _file(path):
    """Hash of a file, or of all files of a folder; also of one that is gone."""
    path = pathlib.Path(path)
    hashed = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            with open(file, "rb") as data:
                digest = hashlib.file_digest(data, "sha256").hexdigest()
            hashed.update(f"{os.path.relpath(file, path)} {digest}\n".encode())
    return hashed.hexdigest()


def _is_one(pattern):
    """Whether it names a file of this machine, which is short enough to read; what is gone, or
    names several, is for `sums`."""
    return os.path.isfile(pattern)


CONTENTS = {
    "--images": lambda paths: Pictures(several(paths)).digest(),
    "--captions": lambda paths: " ".join(map(_file, several(paths))),
    "--questions": _file,
    "--texts": lambda pattern: _file(pattern) if _is_one(pattern) else sums(pattern),
    "--shards": sums,
    "--files": sums,
    "--karpathy": _file,
    "--source": _file,
    "--vocabulary": lambda path: open_words(path).digest,
}
