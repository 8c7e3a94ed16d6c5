"""Tables of captions in odd forms, and what each of their rows means.

A sheet is written by Python's own csv and json; then one thing about it is made odd. Every row
knows its fate: used, skipped, or either where both are sound.
"""

import csv
import dataclasses
import gzip
import io
import json
import unicodedata

WORDS = ("red", "a", "dog", 'says "yes"', "ünï", "山", "x,y", "it's", "#1", "—", "🙂", "of", "NaN")
FORMATS = ("csv", "tsv", "jsonl")
KNOWN_SPLITS = {
    "val": "validation", "dev": "validation", "Valid": "validation", "VALIDATION": "validation",
    "test": "test", "Test": "test", "train": "pairs", "Training": "pairs",
}  # fmt: skip
USED, SKIPPED, EITHER = "used", "skipped", "either"


@dataclasses.dataclass
class Row:
    """key: what it is about. name, text: as typed; a text of JSON may be anything."""

    key: str
    text: object
    name: str = ""
    meant: str = ""  # the text that is meant
    split: str = ""
    fate: str = USED

    def __post_init__(self):
        self.name = self.name or self.key
        self.meant = self.meant or (self.text if isinstance(self.text, str) else "")


@dataclasses.dataclass
class Sheet:
    """A table before it is bytes."""

    rows: list[Row]
    columns: tuple[str, str] = ("file", "caption")
    format: str = "csv"
    suffix: str = ""
    tamper: object = staticmethod(lambda data: data)  # bytes -> bytes, last of all
    named: tuple[str, ...] = ()  # what a refusal of the whole names; (): it may not be refused

    @property
    def file(self):
        """Name of the file."""
        return f"sheet.{self.suffix or self.format}"

    def data(self) -> bytes:
        """The file."""
        text = self._lines() if self.format == "jsonl" else self._cells()
        return self.tamper(text.encode())

    def _lines(self):
        name, text = self.columns
        rows = [{name: r.name, text: r.text} | ({"split": r.split} if r.split else {})
                for r in self.rows]  # fmt: skip
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)

    def _cells(self):
        out = io.StringIO()
        writer = csv.writer(out, delimiter="\t" if self.format == "tsv" else ",")
        splits = any(row.split for row in self.rows)
        writer.writerow([*self.columns, *["split"] * splits])
        for row in self.rows:
            writer.writerow([row.name, row.text, *[row.split] * splits])
        return out.getvalue()


def sentence(rng, most=8):
    """Some words."""
    return " ".join(rng.choice(WORDS, rng.integers(1, most)).tolist()).strip()


def squeezed(text):
    """A text as it is compared: spaces of any kind are one, letters are composed."""
    return " ".join(unicodedata.normalize("NFC", text).replace("\0", "").split())


def sheet(rng, keys) -> Sheet:
    """A sound table of 1 or 2 rows a key."""
    rows = [Row(key, f"{sentence(rng)} {number}") for number, key in enumerate(keys)]
    rows += [Row(key, f"{sentence(rng)} again") for key in keys if rng.random() < 0.3]
    return Sheet(rows, format=str(rng.choice(FORMATS)))


# ---- what may be odd ---------------------------------------------------------------------------


def sound(rng, sheet):
    """Nothing."""


def headers(rng, sheet):
    """Names of columns in any case."""
    change = [str.upper, str.title, lambda name: f" {name} "][rng.integers(3)]
    sheet.columns = tuple(map(change, sheet.columns))


def mark(rng, sheet):
    """A byte order mark."""
    sheet.tamper = lambda data: b"\xef\xbb\xbf" + data


def suffix(rng, sheet):
    """A suffix in capitals."""
    sheet.suffix = sheet.format.upper()


def packed(rng, sheet):
    """Gzip."""
    sheet.suffix, sheet.tamper = f"{sheet.format}.gz", gzip.compress


def unix(rng, sheet):
    """Lines that end in \\n, and blank ones among them."""
    sheet.tamper = lambda data: data.replace(b"\r\n", b"\n") + b"\n\n"


def cut_row(rng, sheet):
    """A row of fewer cells than the header has."""
    sheet.format = str(rng.choice(["csv", "tsv"]))
    sheet.rows.append(Row("cut", "", fate=SKIPPED))
    sheet.tamper = lambda data: data + b"cut\r\n"


def wide_row(rng, sheet):
    """A row of more cells than the header has; the text may be what is left of the line."""
    sheet.format = "csv"
    row = Row(sheet.rows[0].key, "one, two, three", fate=EITHER)
    sheet.rows.append(row)
    quoted = f'"{row.text}"'.encode()
    sheet.tamper = lambda data: data.replace(quoted, row.text.encode())


def open_quote(rng, sheet):
    """A quote that nobody closes, before sound rows."""
    sheet.format = str(rng.choice(["csv", "tsv"]))
    at, mark = int(rng.integers(len(sheet.rows))), "OPENED"
    row = Row(sheet.rows[0].key, mark, meant=f'"{mark}', fate=EITHER)
    sheet.rows.insert(at, row)
    sheet.tamper = lambda data: data.replace(mark.encode(), b'"' + mark.encode())
    sheet.named = ("quote", "closed", "sheet.")


def foreign_bytes(rng, sheet):
    """One text that is no UTF-8."""
    row = Row(sheet.rows[0].key, "latin MARK", fate=SKIPPED)
    sheet.rows.append(row)
    sheet.tamper = lambda data: data.replace(b"MARK", "é".encode("latin-1") + b" MARK")
    sheet.named = ("UTF-8",)


def separators(rng, sheet):
    """A line separator of Unicode, or a vertical tab, inside a text."""
    mark = str(rng.choice(["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"]))
    sheet.rows.append(Row(sheet.rows[0].key, f"left{mark}right", fate=EITHER))


def breaks(rng, sheet):
    """A line break inside a quoted text."""
    end = str(rng.choice(["\n", "\r\n"]))
    sheet.rows.append(Row(sheet.rows[0].key, f"left{end}right"))


def old_lines(rng, sheet):
    """Lines that end in \\r."""
    sheet.format = str(rng.choice(["csv", "tsv"]))
    sheet.tamper = lambda data: data.replace(b"\r\n", b"\r")
    sheet.named = ("line", "\\r")


def foreign_values(rng, sheet):
    """Something that is no text where a text is meant."""
    sheet.format = "jsonl"
    value = [None, 7, 0.5, True, {"a": 1}, [], [None], [["a"]]][rng.integers(8)]
    sheet.rows.append(Row(sheet.rows[0].key, value, fate=SKIPPED))
    sheet.named = ("no text", "not text", "caption", "null", "list")


def one_in_a_list(rng, sheet):
    """A list of one text."""
    sheet.format = "jsonl"
    sheet.rows[0].text = [sheet.rows[0].text]


def no_objects(rng, sheet):
    """Lines of JSON that are no objects, or no JSON."""
    sheet.format = "jsonl"
    line = [b"7", b"null", b'"text"', b"[1, 2]", b"{", b"nothing", b"\xff"][rng.integers(7)]
    sheet.rows.append(Row("no row", "", fate=SKIPPED))
    sheet.tamper = lambda data: data + line + b"\n"
    sheet.named = ("line", "object", "JSON", "UTF-8")


def empty(rng, sheet):
    """A text of nothing."""
    row = Row(sheet.rows[0].key, str(rng.choice(["", " ", "\u00a0", "\u3000 "])), fate=SKIPPED)
    sheet.rows.append(row)


def long(rng, sheet):
    """A text longer than any caption."""
    length = int(rng.choice([2_000, 140_000]))
    sheet.rows.append(Row(sheet.rows[0].key, "a " * length, fate=SKIPPED))


def zero_byte(rng, sheet):
    """NUL inside a text."""
    sheet.rows.append(Row(sheet.rows[0].key, "a\0b", fate=EITHER))


ODD = (
    sound, headers, mark, suffix, packed, unix, cut_row, wide_row, open_quote, foreign_bytes,
    separators, breaks, old_lines, foreign_values, one_in_a_list, no_objects, empty, long,
    zero_byte,
)  # fmt: skip
