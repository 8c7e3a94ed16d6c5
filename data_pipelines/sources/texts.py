"""Source: lone texts in plain files of any size, one a line, gzipped or not; also tables of them.

A .txt and a .jsonl are read line by line and never held; other tables (tables.py) are.
"""

import gzip

from data_pipelines import tables
from data_pipelines.errors import UserError
from data_pipelines.example import Record
from data_pipelines.sources.base import TEXT_COLUMNS, Example, Skipped, usable_texts
from data_pipelines.sources.files import InFiles

LINE = 2**20  # bytes of a line; more is no text that anybody reads
KINDS = (".txt", *tables.KINDS)
CUT = "the rest of a file that is cut or harmed"
LONG = "text too long"


class Texts(InFiles):
    """Every text of some files."""

    def __init__(self, options):
        if not options.texts:
            raise UserError("--from=texts needs --texts='DIR/*.txt.gz'.")
        super().__init__(options.texts, "--texts")
        paths = [file.path for file in self.files]
        if strange := [path for path in paths if tables.suffix(path) not in KINDS]:
            raise UserError(
                f"{strange[0]} ends in none of {', '.join(KINDS)} (or .gz behind them); rename it."
            )
        self._columns = (options.text_column,) if options.text_column else TEXT_COLUMNS

    def read_file(self, file):
        """Each with the file and line that it stands in as its key."""
        for inside, where, found in self._cells(file):
            if isinstance(found, Skipped):
                yield inside, found
                continue
            good, bad = usable_texts(found, where)
            yield from ((inside, each) for each in bad)
            for i, text in enumerate(good):
                key = f"{where}#{i}" if i else where
                yield inside, Example(Record(key, b"", (text,), "texts"))

    def _cells(self, file):
        """(share read, where, text or texts or Skipped) of every line that is not empty."""
        name, kind = file.name, tables.suffix(file.path)
        if kind not in (".txt", ".jsonl"):
            for row in tables.read(file.path):
                where = f"{name}:{row.where.rpartition(':')[2]}"
                found = row.pick(self._columns)
                yield 1.0, where, Skipped(row.fault, where) if row.fault else found
            return
        for inside, number, line in _lines(file.path):
            where = f"{name}:{number}"
            if isinstance(line, str) and kind == ".jsonl":
                cells = tables.parsed(line)
                line = Skipped("line is no JSON object", where)
                if isinstance(cells, dict):
                    line = next((cells[c] for c in self._columns if c in cells), None)
            elif isinstance(line, str) and "\r" in line:
                line = Skipped(tables.OLD_BREAK, where)
            yield inside, where, Skipped(line.reason, where) if isinstance(line, Skipped) else line


def _lines(file):
    """(share read, number, text or Skipped) of every line that is not empty."""
    size, number = max(1, file.stat().st_size), 0
    with open(file, "rb") as raw:
        lines = gzip.open(raw) if str(file).lower().endswith(".gz") else raw
        while True:
            number += 1
            try:
                data, long = _line(lines)
            except Exception as error:  # of what gzip finds
                yield 1.0, number, Skipped(f"{CUT}", str(error))
                return
            if not data:
                return
            text = data.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "surrogateescape")
            text = text.removeprefix("\ufeff") if number == 1 else text
            if text.strip():
                yield raw.tell() / size, number, Skipped(LONG, "") if long else text


def _line(lines):
    """(bytes of a line, whether it is longer), whatever its length."""
    data = lines.readline(LINE)
    long = len(data) == LINE and not data.endswith(b"\n")
    rest = data if long else b""
    while rest and not rest.endswith(b"\n"):
        rest = lines.readline(LINE)
    return data, long
