"""Your own pictures, captions and questions -> the splits of a data set.

--images: folders or zip files; --captions: a table (see tables.py) with a file column and a caption
column; --questions: one with the columns file, question and answer, and kind where each has one;
--texts: lone texts. Rows and pictures that cannot be used are skipped, counted by reason
and named in report.json: never fatal, never silent.
"""

import collections
import hashlib
import re

from data_pipelines import tables
from data_pipelines.errors import UserError
from data_pipelines.example import Asked, questions_of
from data_pipelines.picture_files import Pictures
from data_pipelines.picture_names import Names, outside
from data_pipelines.places import several
from data_pipelines.records import Record

FILE_COLUMNS = ("file", "filename", "file_name", "filepath", "file_path", "image", "image_path",
                "path")  # fmt: skip
TEXT_COLUMNS = ("caption", "captions", "text", "texts", "sentence", "title")
TEXT = "text"  # what captions and lone texts are called alike
QUESTION_COLUMNS, ANSWER_COLUMNS = ("question", "questions"), ("answer", "answers")
KIND_COLUMNS = ("kind", "question_type", "answer_type")
LONGEST = 1_000  # characters of a caption
HELD_OUT = ("validation", "test")
SPLIT_COLUMNS = ("split", "subset", "partition")
SPLITS = {"train": "pairs", "training": "pairs", "restval": "pairs", "val": "validation",
          "valid": "validation", "validation": "validation", "dev": "validation", "test": "test",
          "testing": "test"}  # fmt: skip
NAMED = 50  # examples of each reason in the report


class Report:
    """What was skipped and why."""

    def __init__(self):
        self.skipped = collections.defaultdict(list)

    def skip(self, reason, what):
        """Count one row, text or picture."""
        self.skipped[reason].append(str(what)[:200])

    def summary(self):
        """{reason: {"count", "first"}}."""
        return {
            reason: {"count": len(names), "first": names[:NAMED]}
            for reason, names in sorted(self.skipped.items())
        }


def make(options, report):
    """-> ({split: [Record]}, parameters) of the command's options."""
    if not options.images or not (options.captions or options.questions):
        raise UserError(
            "--from=folder needs --images=DIR and --captions=FILE, --questions=FILE or both."
        )
    if options.validation + options.test >= 1:
        raise UserError("--validation and --test take all pairs; leave some to train on.")
    pictures = Pictures(several(options.images))
    captions, splits = {}, {}
    if options.captions:
        captions, splits = read_captions(options.captions, pictures, report)
    asked = read_questions(options.questions, pictures, report, splits)
    lone = read_texts(options.texts, report) if options.texts else []
    out = collections.defaultdict(list)
    for name, data in pictures.usable(report):
        texts, questions = tuple(captions.get(name, ())), tuple(asked.get(name, ()))
        told = texts or questions
        split = splits.get(name) or (_split_of(name, options) if told else "pairs")
        if not told and split in HELD_OUT:
            report.skip("held out without a caption", name)
        if questions:
            out[questions_of(split)].append(Record(name, data, (), "folder", questions))
        if texts:
            out[split].append(Record(name, data, texts, "folder"))
        elif split not in HELD_OUT:
            out["images"].append(Record(name, data, (), "folder"))
    for table, of in ((options.captions, str), (options.questions, questions_of)):
        if table:
            _leave_one(out, of, splits)
        if table and not out[of("pairs")]:
            held_out = any(out[of(name)] for name in HELD_OUT)
            raise UserError(_nothing_left(table, held_out, report, pictures))
    _part(out, options.pairs, report)
    out["texts"] += [Record(f"text-{i}", b"", (text,), "folder") for i, text in enumerate(lone)]
    parameters = {k: v for k, v in vars(options).items() if k != "out"}
    return dict(out), parameters


def _nothing_left(table, held_out, report, pictures):
    """The sentence for a table that leaves nothing to train on: all is held out, or no row has its
    picture."""
    if held_out:
        return f"{table} holds out all its pictures; leave some to train on."
    found = report.summary().items()
    told = "; ".join(f"{reason}: {e['count']:,}, first {e['first'][0]}" for reason, e in found)
    there = next(iter(pictures), None)
    called = f"a file that is there is called {there}" if there else "--images holds no picture"
    told = f" ({told})" if told else ""
    return f"no row of {table} names a usable picture of --images{told}; {called}."


def _leave_one(out, of, told):
    """Of few pictures the hash may hold out all: then the last of them is trained on, unless the
    table told its split. of: a split of pairs -> that of what is meant."""
    if out[of("pairs")]:
        return
    held = [(r.key, of(name), r) for name in HELD_OUT for r in out[of(name)] if r.key not in told]
    if held:
        _, name, last = max(held, key=lambda each: _share(each[0]))
        out[name].remove(last)
        out[of("pairs")].append(last)


def _share(name):
    """Of [0, 1), by a hash of the name."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 16**8


def _split_of(name, options):
    """validation, test or pairs, by a hash of the name: stable under new files."""
    share = _share(name)
    if share < options.validation:
        return "validation"
    return "test" if share < options.validation + options.test else "pairs"


def _part(out, pairs, report):
    """Keep `pairs` pairs; half of the rest lends its images, the other half its texts, and nothing
    is asked about them."""
    if not pairs:
        return
    ordered = sorted(out["pairs"], key=lambda r: hashlib.sha256(r.key.encode()).hexdigest())
    out["pairs"], rest = ordered[:pairs], ordered[pairs:]
    half = len(rest) // 2
    out["images"] += [Record(r.key, r.image, (), r.source) for r in rest[:half]]
    out["texts"] += [Record(r.key, b"", r.texts, r.source) for r in rest[half:]]
    lone, asked = {record.key for record in rest}, questions_of("pairs")
    for record in out[asked]:
        if record.key in lone:
            report.skip("questions about what is no pair any more", record.key)
    out[asked] = [record for record in out[asked] if record.key not in lone]


def read_captions(path, pictures, report):
    """-> ({file: [captions]}, {file: split}) of a captions table."""
    captions, splits = collections.defaultdict(list), {}
    for row, name in _about(pictures, path, report, TEXT_COLUMNS):
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
    word = row.pick(SPLIT_COLUMNS)
    if word is None or not str(word).strip():
        return
    split = SPLITS.get(str(word).strip().lower())
    if split is None:
        raise UserError(
            f"{row.where} is of the split {word}, which is none of {', '.join(SPLITS)}; name it "
            "so, or take the row out."
        )
    if splits.setdefault(name, split) != split:
        raise UserError(f"{row.where} puts {name} into {word}, another row elsewhere; choose one.")


def read_texts(path, report):
    """Lone texts: of a table with a caption column, or one a line of a .txt."""
    if tables.suffix(path) == ".txt":
        whole = tables.text_of(path)
        lines = enumerate(tables.line_end(whole).split(whole), start=1)
        rows = [_line(f"{path}:{i}", line, report) for i, line in lines if line.strip()]
    else:
        rows = _rows(path, report)
    found = [text for row in rows if row for text in _texts(row, report)]
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
    found = tables.texts(row.pick(columns))
    if found is None:
        report.skip(tables.NO_TEXT, row.where)
        return []
    empty = f"empty {columns[0]}"
    return [text.strip() for text in found if _usable(text.strip(), row.where, report, empty)]


def _usable(text, where, report, empty):
    if not text:
        report.skip(empty, where)
    elif len(text) > LONGEST:
        report.skip("text too long", where)
    elif not tables.is_utf8(text):
        report.skip(tables.NO_UTF8, where)
    else:
        return True
    return False
