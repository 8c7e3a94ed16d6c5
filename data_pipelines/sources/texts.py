"""Source: lone texts in plain files of any size, one a line, gzipped or not; also tables of them.

A .txt and a .jsonl are read line by line and never held; other tables (tables.py) are.
"""

import gzip

from data_pipelines import tables
from data_pipelines.errors import UserError
from data_pipelines.example import Record
from data_pipelines.sources.base import (
    NO_SPLIT,
    SPLITS,
    TEXT_COLUMNS,
    Example,
    Skipped,
    usable_texts,
)
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
        given = options.text_column.strip().lower()
        self._columns = (given,) if given else TEXT_COLUMNS

    def read_file(self, file):
        """Each with the file and line that it stands in as its key."""
        for inside, row in self._rows(file):
            for each in self._examples(row, file.split):
                yield inside, each

    def _examples(self, row, split):
        """What a row gives; split: what the name of its file tells."""
        word = str(row.cells.get("split") or "").strip().lower()
        if row.fault:
            yield Skipped(row.fault, row.where)
            return
        if word and word not in SPLITS:
            yield Skipped(NO_SPLIT, f"{row.where} {word}")
            return
        good, bad = usable_texts(row.pick(self._columns), row.where)
        yield from bad
        for i, text in enumerate(good):
            key = f"{row.where}#{i}" if i else row.where
            yield Example(Record(key, b"", (text,), "texts"), SPLITS.get(word, split))

    def _rows(self, file):
        """(share read, tables.Row) of every line that is not empty."""
        kind = tables.suffix(file.path)
        if kind not in (".txt", ".jsonl"):
            for row in tables.read(file.path):
                yield 1.0, row._replace(where=f"{file.name}:{row.where.rpartition(':')[2]}")
            return
        of = tables.of_json if kind == ".jsonl" else self._of_text
        for inside, number, line in _lines(file.path):
            where = f"{file.name}:{number}"
            fault = isinstance(line, Skipped)
            yield inside, tables.Row(where, {}, line.reason) if fault else of(where, line)

    def _of_text(self, where, line):
        fault = tables.OLD_BREAK if "\r" in line else ""
        return tables.Row(where, {self._columns[0]: line}, fault)


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
