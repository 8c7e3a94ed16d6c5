"""Your own pictures, captions and questions -> the splits of a data set.

--images: folders or zip files; --captions: a table (see tables.py) with a file column and a caption
column; --questions: one with the columns file, question and answer, and kind where each has one;
--texts: lone texts. Rows and pictures that cannot be used are skipped, counted by reason
and named in report.json: never fatal, never silent.
"""

import collections
import itertools
import re

from data_pipelines import tables
from data_pipelines.errors import UserError
from data_pipelines.example import Asked, Record
from data_pipelines.images import Unreadable
from data_pipelines.picture_files import Pictures
from data_pipelines.picture_names import Names, outside
from data_pipelines.places import several
from data_pipelines.report import Report
from data_pipelines.sources.base import (
    FILE_COLUMNS,
    SPLITS,
    TEXT,
    TEXT_COLUMNS,
    Example,
    Skipped,
    usable_texts,
)

QUESTION_COLUMNS, ANSWER_COLUMNS = ("question", "questions"), ("answer", "answers")
KIND_COLUMNS = ("kind", "question_type", "answer_type")
SPLIT_COLUMNS = ("split", "subset", "partition")


class Folder:
    """Source: the pictures one by one; the tables are read at its beginning."""

    def __init__(self, options):
        if not options.images or not (options.captions or options.questions):
            raise UserError(
                "--from=folder needs --images=DIR and --captions=FILE, --questions=FILE or both."
            )
        tables_of = {"texts": options.captions, "asked": options.questions}
        self._tables = {what: table for what, table in tables_of.items() if table}
        self.paired = tuple(self._tables)
        self.told, self.splits, self.at = Report(), {}, 0.0
        self.pictures = Pictures(several(options.images))
        self.captions = {}
        if options.captions:
            self.captions, self.splits = read_captions(
                options.captions, self.pictures, self.told
            )
        self.asked = read_questions(options.questions, self.pictures, self.told, self.splits)
        self._lone = read_texts(options.texts, self.told) if options.texts else []

    def read(self):
        """Every picture with what is told of it, then the lone texts."""
        yield from with_pictures(self, "folder", self.asked)
        for i, (text, split) in enumerate(self._lone):
            yield Example(Record(f"text-{i}", b"", (text,), "folder"), split)

    def nothing_left(self, what, held_out, told):
        """The sentence for a table that leaves nothing to train on: all is held out, or no row has
        its picture."""
        table = self._tables[what]
        if held_out:
            return f"{table} holds out all its pictures; leave some to train on."
        found = told().summary().items()
        why = "; ".join(f"{reason}: {e['count']:,}, first {e['first'][0]}" for reason, e in found)
        there = next(iter(self.pictures), None)
        called = f"a file that is there is called {there}" if there else "--images holds no picture"
        why = f" ({why})" if why else ""
        return f"no row of {table} names a usable picture of --images{why}; {called}."


def with_pictures(source, name, asked=()):
    """The examples of a source that has read what is told of its pictures: {picture: captions} as
    captions, {picture: split} as splits. asked: {picture: [Asked]}."""
    pictures, asked = source.pictures, dict(asked)
    yield from itertools.starmap(Skipped, pictures.left_out)
    for number, key in enumerate(pictures, start=1):
        source.at = number / len(pictures)
        try:
            data = pictures.data(key)
        except Unreadable as error:
            yield Skipped(error.reason, error.of(key))
            continue
        texts, questions = tuple(source.captions.get(key, ())), tuple(asked.get(key, ()))
        yield Example(Record(key, data, texts, name, questions), source.splits.get(key, ""))


def read_captions(path, pictures, report):
    """-> ({file: [captions]}, {file: split}) of a captions table, or of several."""
    captions, splits = collections.defaultdict(list), {}
    for table in several(path):
        for row, name in _about(pictures, table, report, TEXT_COLUMNS):
            captions[name] += _texts(row, report)
            _tell_split(splits, name, row)
    return {name: texts for name, texts in captions.items() if texts}, splits


def read_questions(path, pictures, report, splits):
    """-> {file: [Asked]} of a table of questions; `splits` hears of the splits that it tells."""
    asked = collections.defaultdict(list)
    for row, name in _about(pictures, path, report, QUESTION_COLUMNS) if path else ():
        asked[name] += _asked(row, report)
        _tell_split(splits, name, row)
    return {name: found for name, found in asked.items() if found}


def _asked(row, report):
    """The question of a row, with each of its answers."""
    question = _texts(row, report, QUESTION_COLUMNS)
    answers = _texts(row, report, ANSWER_COLUMNS) if question else []
    kind = re.sub(r"\W+", "_", str(row.pick(KIND_COLUMNS) or "").strip().lower())
    return [Asked(question[0], answer, kind or kind_of(answer)) for answer in answers]


def kind_of(answer):
    """By what it is, where nobody told a kind: as VQA's own scores part them."""
    if answer.casefold() in ("yes", "no"):
        return "yes_no"
    return "number" if answer.isdecimal() else "other"


def _about(pictures, path, report, columns):
    """(row, its picture) of the sound rows of a table; the report hears of the others."""
    names = Names(pictures, pictures.sources)
    for row in _rows(path, report, columns):
        written = row.pick(FILE_COLUMNS)
        name = written.strip() if isinstance(written, str) else None
        if written is not None and name is None:
            report.skip("the file is no text", row.where)
        elif not name:
            report.skip("no file named", row.where)
        elif outside(name):
            report.skip("file outside of the folder", f"{row.where} {name}")
        elif (found := names.find(name)) is None:
            report.skip("image missing", f"{row.where} {name}")
        else:
            yield row, found


def _tell_split(splits, name, row):
    """Remember the split that a row tells of its picture."""
    split = _split(row)
    if split and splits.setdefault(name, split) != split:
        word = row.pick(SPLIT_COLUMNS)
        raise UserError(f"{row.where} puts {name} into {word}, another row elsewhere; choose one.")


def _split(row):
    """The split that a row tells, or ""."""
    word = row.pick(SPLIT_COLUMNS)
    if word is None or not str(word).strip():
        return ""
    split = SPLITS.get(str(word).strip().lower())
    if split is None:
        raise UserError(
            f"{row.where} is of the split {word}, which is none of {', '.join(SPLITS)}; name it "
            "so, or take the row out."
        )
    return split


def read_texts(path, report):
    """(lone text, its split or "") of a table with a caption column, or one a line of a .txt."""
    if tables.suffix(path) == ".txt":
        whole = tables.text_of(path)
        lines = enumerate(tables.line_end(whole).split(whole), start=1)
        rows = [_line(f"{path}:{i}", line, report) for i, line in lines if line.strip()]
    else:
        rows = _rows(path, report)
    found = [(text, _split(row)) for row in rows if row for text in _texts(row, report)]
    if not found:
        raise UserError(f"{path} holds no text that can be used; mend it, or leave out --texts.")
    return found


def _line(where, line, report):
    """The row of a line of a .txt, or None of one that is skipped."""
    if "\r" in line:
        return report.skip(tables.OLD_BREAK, where)
    return tables.Row(where, {"text": line})


def _rows(path, report, columns=TEXT_COLUMNS):
    """The sound rows of a table with one of the columns of texts; the report hears of the others.

    Of a table of questions, also with one of answers.
    """
    rows = tables.read(path)
    sound = [row for row in rows if not row.fault]
    for needed in (columns, *([ANSWER_COLUMNS] if columns is QUESTION_COLUMNS else ())):
        if sound and not any(column in row.cells for row in sound for column in needed):
            raise UserError(
                f"{path} has the columns {', '.join(sound[0].cells)}; name the picture's column "
                f"`file` and the {TEXT if columns is TEXT_COLUMNS else needed[0]}'s `{needed[0]}`."
            )
    for row in rows:
        if row.fault:
            report.skip(*_named(row))
    return sound


def _named(row):
    """(reason, where) of a fault; numbers belong to the place."""
    if "cells" in row.fault:
        return "not as many cells as the header", f"{row.where} ({row.fault})"
    return row.fault, row.where


def _texts(row, report, columns=TEXT_COLUMNS):
    """The usable texts of a row."""
    good, bad = usable_texts(row.pick(columns), row.where, columns[0])
    for each in bad:
        report.skip(*each)
    return list(good)
