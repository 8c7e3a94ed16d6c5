"""What every source of examples is: it reads files of one format, one example at a time.

A source gives the same examples in the same order each time it is asked, and holds none of them.
What it cannot use it gives too, with the reason, so that nothing is silent.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from data_pipelines import tables
from data_pipelines.example import Record
from data_pipelines.report import Report

LONGEST = 1_000  # characters of a caption
FILE_COLUMNS = ("file", "filename", "file_name", "filepath", "file_path", "image", "image_path",
                "path")  # fmt: skip
TEXT_COLUMNS = ("caption", "captions", "text", "texts", "sentence", "title")
TEXT = "text"  # what captions and lone texts are called alike
HELD_OUT = ("validation", "test")
NO_SPLIT = "a split that is none"
SPLITS = {"train": "pairs", "training": "pairs", "restval": "pairs", "val": "validation",
          "valid": "validation", "validation": "validation", "dev": "validation", "test": "test",
          "testing": "test"}  # fmt: skip


class Example(NamedTuple):
    """A record and the split that the source tells of it: pairs, validation, test or ""."""

    record: Record
    split: str = ""


class Skipped(NamedTuple):
    """What cannot be used, why, and where it stands."""

    reason: str
    where: str


class Source(Protocol):
    """A format's reader. told: what it could not use of what it read before the first example.
    at: the share that is read, 0 to 1. paired: what somebody who gives it means to train on,
    of texts and asked, or, as said, to have in some example; if none of it is left, the sentence
    of `nothing_left` refuses it."""

    told: Report
    at: float
    paired: tuple[str, ...]

    def read(self) -> Iterator[Example | Skipped]:
        """All of it, in order."""

    def nothing_left(self, what: str, held_out: bool, told: Callable[[], Report]) -> str:
        """Why there is none of `what`; held_out: there is, and all of it is held out. told() ->
        what cannot be used, for which all is read once more."""


def usable_texts(found, where, called="caption") -> tuple[tuple[str, ...], list[Skipped]]:
    """The texts of a cell that can be used, and the others."""
    listed = tables.texts(found)
    if listed is None:
        return (), [Skipped(tables.NO_TEXT, where)]
    good, bad = [], []
    for text in (each.strip() for each in listed):
        fault = _fault(text, called)
        bad.append(Skipped(fault, where)) if fault else good.append(text)
    return tuple(good), bad


def _fault(text, called):
    if not text:
        return f"empty {called}"
    if len(text) > LONGEST:
        return "text too long"
    return "" if tables.is_utf8(text) else tables.NO_UTF8


def emptied(what, report) -> str:
    """The sentence for a source of which nothing can be used."""
    found = report.summary().items()
    told = "; ".join(f"{reason}: {e['count']:,}, first {e['first'][0]}" for reason, e in found)
    return f"{what} holds nothing that can be used ({told or 'it is empty'}); check what it names."
