"""Source: tars as img2dataset writes them: KEY.jpg, KEY.txt and KEY.json side by side.

Files of one example stand together and share what is before the first dot of their name. Nothing is
unpacked to disk. Of a tar that is cut or harmed all is used that stands whole; where bytes are no
file of it, or its end is missing, that is told.
"""

from data_pipelines import tables
from data_pipelines.errors import UserError
from data_pipelines.example import Record
from data_pipelines.files import here
from data_pipelines.images import Unreadable, check_bytes
from data_pipelines.sources.base import TEXT_COLUMNS, Example, Skipped, usable_texts
from data_pipelines.sources.files import InFiles, as_text
from data_pipelines.sources.tars import members

PICTURES = ("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif", "jp2", "img")
KINDS = {*PICTURES, "txt", "json"}
MOST_TEXT = 2**20  # bytes of a .txt or .json that are read


class WebDataset(InFiles):
    """The examples of all tars, in order."""

    def __init__(self, options):
        if not options.shards:
            raise UserError("--from=webdataset needs --shards='DIR/{00000..00331}.tar'.")
        super().__init__(options.shards, "--shards")
        self._columns = (options.text_column,) if options.text_column else TEXT_COLUMNS
        self._column, self._txt = options.text_column, not options.text_column
        self.paired = ("said",) if options.text_column else ()

    def read_file(self, file):
        """(share read, Example or Skipped) of one tar."""
        split, stem = file.split, file.name.partition(".tar")[0]
        share, key, parts = 0.0, None, {}
        for share, found in _parts(file.path, file.path.stat().st_size):
            if isinstance(found, Skipped):
                yield share, found
                continue
            name, kind, data = found
            if name != key:
                yield from ((share, each) for each in self._example(f"{stem}/{key}", parts, split))
                key, parts = name, {}
            parts[kind] = data
        yield from ((share, each) for each in self._example(f"{stem}/{key}", parts, split))

    def nothing_left(self, what, held_out, told):
        """Of a field that somebody named, which others there are."""
        if what != "said":
            return super().nothing_left(what, held_out, told)
        fields = next((list(cells) for file in self.files for cells in _jsons(file.path)), [])
        if not fields:
            return f"no example has a JSON with a field {self._column}; take out --text_column."
        lacks = "a text in the field" if self._column in fields else "the field"
        return (
            f"no example has {lacks} {self._column}; the JSON of the first has "
            f"{', '.join(fields)}; mend --text_column."
        )

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
            cells = _cells(told)
            if not isinstance(cells, dict):
                return (), [Skipped("no JSON object", f"{key}.json")]
            found = next((cells[column] for column in self._columns if column in cells), None)
            return ((), []) if found is None else usable_texts(found, key)
        return (), [told] if isinstance(told, Skipped) else []


def _jsons(place):
    """Every JSON of a tar that is an object."""
    with here(place) as file:
        for _, found in _parts(file, file.stat().st_size):
            data = b"" if isinstance(found, Skipped) or found[1] != "json" else found[2]
            if isinstance(data, bytes) and isinstance(cells := _cells(data), dict):
                yield cells


def _cells(data):
    """What a JSON holds, or None."""
    return tables.parsed(data.decode("utf-8", "surrogateescape"))


def _parts(file, size):
    """(share read, (key, kind, bytes or Skipped)) of the files that an example is made of, and
    (share read, Skipped) of what is none."""
    tar, share = as_text(file.name), 0.0
    for member in members(file, lambda name, size: _wanted(name, size, tar)):
        if isinstance(member, Skipped):
            yield share, member
            continue
        share = min(1.0, member.at / max(1, size))
        stem, kind = _named(member.name)
        yield share, (stem, kind, member.data)


def _named(name):
    """(what is before the first dot of the last name, kind)."""
    folder, slash, last = name.rpartition("/")
    stem, _, kind = last.partition(".")
    return f"{folder}{slash}{stem}", kind.lower()


def _wanted(name, size, tar):
    """Whether to read a file; Skipped: why not."""
    _, kind = _named(name)
    if kind not in PICTURES:
        long = kind in KINDS and size > MOST_TEXT
        return Skipped("text too long", f"{tar} {name}") if long else kind in KINDS
    try:
        check_bytes(size)
    except Unreadable as error:
        return Skipped(error.reason, error.of(f"{tar} {name}"))
    return True
