"""Tables of texts in files: every row is given, whole or with the reason why it cannot be.

TSV and CSV with a header, JSONL, COCO's JSON or a list of objects; plain or gzipped, suffixes and
names of columns in any case. Building and scoring read by this one reader.

In TSV and CSV a cell that begins with a quote and closes it is quoted (`""` is a quote, and lines
may break in it); in TSV any other cell is plain text, in CSV its row is a fault. So is a row whose
quote would swallow lines that look like rows: a quote that nobody closed takes no sound row along.
Lines end in a line feed, with or without a carriage return before it. Carriage returns alone end
lines only in a file without line feeds; elsewhere, outside of quotes, one is a fault of its row.
"""

import gzip
import json
import pathlib
import re
import zlib
from typing import Any, NamedTuple

from data_pipelines.errors import UserError

DELIMITERS = {".tsv": "\t", ".csv": ","}
KINDS = (*DELIMITERS, ".jsonl", ".json")
FOREIGN = (b"\xff\xfe", b"\xfe\xff")  # marks of UTF-16
OLD_BREAK = "a carriage return inside a line"
QUOTE = "a quote that is not closed"
NO_UTF8 = "bytes that are no UTF-8"
NO_TEXT = "no text where a text is meant"


class Row(NamedTuple):
    """where: FILE:LINE. cells: {column in lower case: value}. fault: why it cannot be used, or
    ""."""

    where: str
    cells: dict[str, Any]
    fault: str = ""

    def pick(self, columns):
        """The value of the first of the columns that is there, or None."""
        return next((self.cells[name] for name in columns if name in self.cells), None)


def read(path) -> list[Row]:
    """All rows of a file that holds a table; UserError if it holds none."""
    kind = suffix(path)
    if kind not in KINDS:
        raise UserError(
            f"{path} ends in none of {', '.join(KINDS)} (or .gz behind them); convert or rename it."
        )
    text, name = text_of(path), pathlib.Path(path).name
    if kind == ".json":
        return _of_json(path, name, text)
    rows = _of_lines(name, text) if kind == ".jsonl" else _of_cells(path, name, text, kind)
    return [row if row.fault else _sound(row) for row in rows]


def columns(path) -> list[str]:
    """Those that the first line of a TSV or CSV names, in lower case; none of another table."""
    if (kind := suffix(path)) not in DELIMITERS:
        return []
    _, header, _ = next(_all_cells(text_of(path), kind), (1, [], ""))
    return list(map(_named, header))


def suffix(path) -> str:
    """In lower case, without .gz."""
    name = str(path).lower()
    return pathlib.PurePath(name.removesuffix(".gz")).suffix


def text_of(path) -> str:
    """The text of a file; a byte that is no UTF-8 becomes a lone surrogate, see `is_utf8`."""
    file = pathlib.Path(path)
    if not file.is_file():
        raise UserError(f"{path} does not exist; check the path.")
    data = file.read_bytes()
    try:
        data = gzip.decompress(data) if str(path).lower().endswith(".gz") else data
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} is no whole gzip file ({error}); fetch it again.") from error
    if data.startswith(FOREIGN):
        raise UserError(f"{path} is UTF-16; save it as UTF-8.")
    return data.decode("utf-8-sig", errors="surrogateescape")


def is_utf8(text) -> bool:
    """Whether it can be written: no byte of it was foreign, no half of a letter stands alone."""
    return not re.search("[\ud800-\udfff]", text)


def _sound(row):
    """The row, a fault if any of its texts holds what no text has."""
    found = [text for value in row.cells.values() for text in texts(value) or ()]
    if not all(map(is_utf8, found)):
        return row._replace(fault=NO_UTF8)
    return row._replace(fault="a NUL byte") if any("\0" in text for text in found) else row


def line_end(text) -> re.Pattern:
    """What ends a line of it."""
    return re.compile(r"\r?\n" if "\n" in text else r"\r")


# ---- TSV and CSV -------------------------------------------------------------------------------


def _of_cells(path, name, text, kind):
    records = _all_cells(text, kind)
    _, header, fault = next(records, (1, [], ""))
    columns = list(map(_named, header))
    if fault or len(set(columns)) < len(columns):
        raise UserError(f"{path} has no sound first line ({fault or 'a column twice'}); mend it.")
    for line, cells, fault in records:
        if not fault and len(cells) != len(columns):
            fault = f"{len(cells)} cells, not the {len(columns)} of the header"
        yield Row(f"{name}:{line}", dict(zip(columns, cells)), fault)


def _all_cells(text, kind):
    return _records(text, DELIMITERS[kind], quotes_bind=kind == ".csv")


def _named(cell):
    return cell.strip().lower()


def _records(text, delimiter, *, quotes_bind):
    """(line, cells, fault) of every line that is not empty. quotes_bind: a cell that begins with a
    quote has to be quoted."""
    quoted = re.compile(rf'"((?:[^"]|"")*+)"(?={delimiter}|\r?\n|\r|\Z)')
    end_of_line = line_end(text)
    plain = re.compile(rf"(?:(?!{end_of_line.pattern})[^{delimiter}])*")
    at, line, width = 0, 1, 0
    while at < len(text):
        cells, fault, start = [], "", at
        while True:
            found = quoted.match(text, at)
            if found and _holds_rows(found[1], delimiter, width):
                found, fault = None, QUOTE
            if not found and quotes_bind and text[at : at + 1] == '"':
                fault = QUOTE
            cells.append(found[1].replace('""', '"') if found else plain.match(text, at)[0])
            if not found and "\r" in cells[-1]:
                fault = OLD_BREAK
            at = found.end() if found else at + len(cells[-1])
            if text[at : at + 1] != delimiter:
                break
            at += 1
        if end := end_of_line.match(text, at):
            at = end.end()
        if cells != [""]:
            width = width or len(cells)
            yield line, cells, fault
        line += len(end_of_line.findall(text, start, at))


def _holds_rows(cell, delimiter, width):
    """Whether a later line of a cell has as many delimiters as a row."""
    later = re.split(r"\r?\n|\r", cell)[1:]
    return width > 1 and any(line.count(delimiter) == width - 1 for line in later)


# ---- JSON --------------------------------------------------------------------------------------


def _of_lines(name, text):
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield of_json(f"{name}:{number}", line)


def of_json(where, line) -> Row:
    """The row of a line of JSONL."""
    cells = parsed(line)
    fault = "" if isinstance(cells, dict) else "line is no JSON object"
    return Row(where, _lowered(cells), fault if is_utf8(line) else NO_UTF8)


def parsed(text, each_object=None):
    """What a JSON text holds, or None of what is none. each_object: what becomes of each in it."""
    try:
        return json.loads(text, object_hook=each_object)
    except (ValueError, RecursionError):
        return None


def _of_json(path, name, text):
    """COCO's {"images": [{"id", "file_name"}], "annotations": [{"image_id", "caption"}]}, or a list
    of objects."""
    found = parsed(text) if is_utf8(text) else None
    files, rows = {}, found
    if isinstance(found, dict):
        rows, pictures = found.get("annotations"), found.get("images", [])
        pictures = [each for each in pictures if isinstance(each, dict)]
        files = {str(each.get("id")): each.get("file_name") for each in pictures}
    if not isinstance(rows, list):
        raise UserError(
            f'{path} is no COCO caption file, which holds a list of {{"image_id", "caption"}} '
            'under "annotations" (or alone), and is UTF-8; mend or convert it.'
        )
    return [_annotation(f"{name}:{i}", row, files) for i, row in enumerate(rows, start=1)]


def _annotation(where, row, files):
    if not isinstance(row, dict):
        return Row(where, {}, "no JSON object")
    cells = _lowered(row)
    if file := files.get(str(cells.get("image_id"))):
        cells.setdefault("file", file)
    return _sound(Row(where, cells))


def _lowered(cells):
    items = cells.items() if isinstance(cells, dict) else ()
    return {key.strip().lower(): value for key, value in items}


# ---- values ------------------------------------------------------------------------------------


def texts(value) -> list[str] | None:
    """The texts of a text or of a list of them; None of anything else."""
    found = value if isinstance(value, list) else [value]
    return found if found and all(isinstance(text, str) for text in found) else None


def name_of(value) -> str | None:
    """An id or a file's name as text; None of what is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None
