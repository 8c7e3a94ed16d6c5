"""Your own pictures and captions -> the splits of a data set.

--images: folders or zip files; --captions: TSV, CSV or JSONL with a file column and a caption
column; --texts: lone texts. Rows and pictures that cannot be used are skipped, counted by reason
and named in report.json: never fatal, never silent.
"""

import collections
import csv
import gzip
import hashlib
import io
import json
import pathlib

from data_pipelines.errors import UserError
from data_pipelines.picture_files import Pictures
from data_pipelines.places import several
from data_pipelines.records import Record

FILE_COLUMNS = ("file", "filename", "file_name", "image", "image_path", "path")
TEXT_COLUMNS = ("caption", "captions", "text", "texts", "sentence", "title")
LONGEST = 1_000  # characters of a caption
HELD_OUT = ("validation", "test")
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
    if not options.images or not options.captions:
        raise UserError("--from=folder needs --images=DIR and --captions=FILE.")
    if options.validation + options.test >= 1:
        raise UserError("--validation and --test take all pairs; leave some to train on.")
    pictures = Pictures(several(options.images))
    captions, splits = read_captions(options.captions, pictures, report)
    lone = read_texts(options.texts, report) if options.texts else []
    out = collections.defaultdict(list)
    for name, data in pictures.usable(report):
        texts = tuple(captions.get(name, ()))
        split = splits.get(name) or _split_of(name, options) if texts else "images"
        out[split].append(Record(name, data, texts, "folder"))
    if not out["pairs"]:
        _leave_one(out, splits)
    if not out["pairs"] and any(out[name] for name in HELD_OUT):
        raise UserError(f"{options.captions} holds out all its pictures; leave some to train on.")
    if not out["pairs"]:
        raise UserError(f"no row of {options.captions} names a usable picture of --images.")
    _part(out, options.pairs)
    out["texts"] += [Record(f"text-{i}", b"", (text,), "folder") for i, text in enumerate(lone)]
    parameters = {k: v for k, v in vars(options).items() if k != "out"}
    return dict(out), parameters


def _leave_one(out, told):
    """Of few pictures the hash may hold out all: then the last of them is trained on, unless the
    table told its split."""
    held = [(r.key, name, r) for name in HELD_OUT for r in out[name] if r.key not in told]
    if held:
        _, name, last = max(held, key=lambda each: _share(each[0]))
        out[name].remove(last)
        out["pairs"].append(last)


def _share(name):
    """Of [0, 1), by a hash of the name."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 16**8


def _split_of(name, options):
    """validation, test or pairs, by a hash of the name: stable under new files."""
    share = _share(name)
    if share < options.validation:
        return "validation"
    return "test" if share < options.validation + options.test else "pairs"


def _part(out, pairs):
    """Keep `pairs` pairs; half of the rest lends its images, the other half its texts."""
    if not pairs:
        return
    ordered = sorted(out["pairs"], key=lambda r: hashlib.sha256(r.key.encode()).hexdigest())
    out["pairs"], rest = ordered[:pairs], ordered[pairs:]
    half = len(rest) // 2
    out["images"] += [Record(r.key, r.image, (), r.source) for r in rest[:half]]
    out["texts"] += [Record(r.key, b"", r.texts, r.source) for r in rest[half:]]


def read_captions(path, pictures, report):
    """-> ({file: [captions]}, {file: split}) of a captions table."""
    captions, splits = collections.defaultdict(list), {}
    for number, row in enumerate(_rows(path, report), start=2):
        name, texts = _pick(row, FILE_COLUMNS), _pick(row, TEXT_COLUMNS)
        where = f"{pathlib.Path(path).name}:{number}"
        if not name:
            report.skip("no file named", where)
        elif name.startswith("/") or ".." in pathlib.PurePosixPath(name).parts:
            report.skip("file outside of the folder", f"{where} {name}")
        elif name not in pictures:
            report.skip("image missing", f"{where} {name}")
        else:
            texts = texts if isinstance(texts, list) else [texts]
            captions[name] += [t for t in map(str.strip, map(_string, texts))
                               if _usable(t, where, report)]
            if row.get("split") in ("validation", "test"):
                splits[name] = row["split"]
            elif row.get("split"):
                splits[name] = "pairs"
    return {name: texts for name, texts in captions.items() if texts}, splits


def read_texts(path, report):
    """Lone texts: a table with a caption column, or one text a line."""
    try:
        found = [_string(_pick(row, TEXT_COLUMNS)) for row in _rows(path, report)]
    except UserError:
        found = _open(path).read().splitlines()
    return [t.strip() for i, t in enumerate(found) if _usable(t.strip(), f"text {i}", report)]


def _usable(text, where, report):
    if not text:
        report.skip("empty caption", where)
    elif len(text) > LONGEST:
        report.skip("text too long", where)
    else:
        return True
    return False


def _json_row(line, where, report):
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if isinstance(row, dict):
        return row
    report.skip("line is no JSON object", where)
    return {}


def _string(value):
    return value if isinstance(value, str) else ""


def _pick(row, columns):
    lowered = {str(k).strip().lower(): v for k, v in row.items() if k is not None}
    return next((lowered[c] for c in columns if c in lowered), "")


def _open(path):
    if not pathlib.Path(path).is_file():
        raise UserError(f"{path} does not exist; check --captions and --texts.")
    data = pathlib.Path(path).read_bytes()
    try:
        data = gzip.decompress(data) if str(path).endswith(".gz") else data
    except (OSError, EOFError) as error:
        raise UserError(f"{path} is no whole gzip file ({error}); fetch it again.") from error
    return io.StringIO(data.decode("utf-8-sig", errors="replace"))


def _rows(path, report):
    """Dicts of a TSV, CSV or JSONL file; a line that is no object is skipped and counted."""
    name = str(path).removesuffix(".gz")
    text = _open(path)
    if name.endswith(".jsonl"):
        return [_json_row(line, f"{path}:{i}", report) for i, line in enumerate(text, start=1)]
    delimiter = {".tsv": "\t", ".csv": ","}.get(pathlib.Path(name).suffix)
    if not delimiter:
        raise UserError(f"{path} ends in neither .tsv, .csv nor .jsonl; rename or convert it.")
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    lines = (line.replace("\0", "") for line in text)  # csv refuses NUL
    rows = list(csv.DictReader(lines, delimiter=delimiter, quoting=quoting))
    if rows and not _pick(rows[0], TEXT_COLUMNS) and not set(
        str(k).lower() for k in rows[0]
    ) & set(TEXT_COLUMNS):
        raise UserError(
            f"{path} has the columns {', '.join(map(str, rows[0]))}; name the picture's column "
            f"`file` and the text's `caption`."
        )
    return rows
