"""From a source of any size to shards: it is read twice and never held.

    scan    every picture is decoded once, on all cores; one short row an example stays on disk
    plan    splits, unpairing, duplicates and shards, from the rows alone
    write   the examples that are used, as they are or smaller, each into its shard

Whoever is killed goes on where they were, to the same bytes.
"""

import dataclasses
import io
import math
from typing import NamedTuple

from PIL import Image

from data_pipelines import hashes, images, plan, scan
from data_pipelines.errors import UserError
from data_pipelines.example import Record, encode, questions_of
from data_pipelines.images import Unreadable
from data_pipelines.progress import Bar
from data_pipelines.report import NAMED
from data_pipelines.scan import in_order, key_hash, tasks
from data_pipelines.shards import Writer
from data_pipelines.sources.base import Skipped
from data_pipelines.words.train import TRAINED, texts_of

ROWS = ".rows"  # of the first reading, in the draft of the data set
MOST_TEXTS = 200_000  # records whose texts a vocabulary is learnt from, spread over all
CHANGED = "the source changed while it was read; let it rest, and give the same command again."


def build(folder, source, options, report):
    """Write all shards into a folder. -> ({split: told}, facts, texts to learn words from)."""
    with Bar("looked at", "examples") as bar:
        rows = scan.scan(source, folder / ROWS, bar)
    planned = plan.make(rows, options)
    _check(planned, rows, source, report)
    work = _Writing(folder, planned, rows, options)
    with Bar("wrote", "examples") as bar:
        work.run(source, report, bar)
    facts = planned.facts | {"leaks": work.leaks}
    written = work.told()
    for name, index in planned.splits().items():
        written[name]["hashes"] = hashes.write(folder, name, rows[index])
    (folder / ROWS).unlink()
    return written, facts, work.texts()


def _check(planned, rows, source, report):
    """UserError if nothing is left to train on."""
    for what in source.paired:
        if not planned.trained[what]:
            _tell_all(source, rows, report)
            raise UserError(source.nothing_left(what, planned.held_out(what), report))
    if not planned.splits():
        _tell_all(source, rows, report)
        raise UserError(source.nothing_left("texts", False, report))


def _tell_all(source, rows, report):
    """Count what cannot be used without writing what can."""
    report.add(source.told)
    number = 0
    for each in source.read():
        if isinstance(each, Skipped):
            report.skip(*each)
        else:
            if rows["bad"][number]:
                report.skip(*_why(each.record))
            number += 1


def _why(record):
    """(reason, where) of a picture that cannot be read."""
    try:
        images.upright(record.image)
    except Unreadable as error:
        return error.reason, error.of(record.key)
    return images.UNREADABLE, record.key


class _Part(NamedTuple):
    """What a split gets of an example: its `number`th record."""

    record: Record
    split: str
    number: int


class _Writing:
    """The second reading."""

    def __init__(self, folder, planned, rows, options):
        self._plan, self._rows, self._options = planned, rows, options
        splits = planned.splits()
        self._writers = {name: Writer(folder, name) for name in splits}
        size = options.shard_size * 10**6
        self._cuts = {
            name: set(plan.cuts(index, rows, size, options.resize).tolist())
            for name, index in splits.items()
        }
        self._counts = dict.fromkeys(splits, 0)
        said = sum(len(splits.get(name, ())) for name in TRAINED)
        self._every = max(1, math.ceil(said / MOST_TEXTS))
        self._listens = not options.vocabulary  # or nobody learns from what it hears
        self._texts = {name: [] for name in TRAINED}
        self.leaks = {}

    def run(self, source, report, bar):
        """Write every example that is used; the report hears of the others."""
        report.add(source.told)
        for task in in_order(self._encoded, tasks(self._used(source, report))):
            for part, data in task:
                self._add(part, data)
            bar.at(sum(self._counts.values()), source.at)

    def told(self):
        """{split: what dataset.json tells of it}."""
        return {name: writer.finish() for name, writer in self._writers.items()}

    def texts(self):
        """Of the splits that say something, one after the other."""
        return [text for name in TRAINED for text in self._texts[name]]

    def _used(self, source, report):
        """The examples that are in a split, as they stand there; `split` says where."""
        number = 0
        for each in source.read():
            if isinstance(each, Skipped):
                report.skip(*each)
                continue
            if number == len(self._rows) or key_hash(each.record.key) != self._rows["key"][number]:
                raise UserError(CHANGED)
            yield from self._parts(number, each.record, report)
            number += 1
        if number != len(self._rows):
            raise UserError(CHANGED)

    def _parts(self, number, record, report):
        if self._rows["bad"][number]:
            report.skip(*_why(record))
        if reason := plan.REASONS[self._plan.skipped[number]]:
            report.skip(reason, record.key)
        if self._plan.leaked[number]:
            self._tell_leak(number, record.key)
        if asked := self._plan.asked[number]:
            whole = dataclasses.replace(record, texts=())
            yield self._part(whole, questions_of(plan.NAMES[asked]))
        main = self._plan.main[number]
        if main == plan.IMAGES:
            record = dataclasses.replace(record, texts=())
        elif main == plan.TEXTS:
            record = dataclasses.replace(record, image=b"")
        if main:
            yield self._part(dataclasses.replace(record, asked=()), plan.NAMES[main])

    def _part(self, record, split):
        number = self._counts[split]
        self._counts[split] = number + 1
        if self._listens and split in TRAINED and number % self._every == 0:
            self._texts[split] += texts_of(record)
        return _Part(record, split, number)

    def _tell_leak(self, number, key):
        split = plan.NAMES[self._plan.main[number] or self._plan.asked[number]]
        told = self.leaks.setdefault(split, {"count": 0, "first": []})
        told["count"] += 1
        if len(told["first"]) < NAMED:
            told["first"].append(key)

    def _encoded(self, parts):
        return [(part, self._bytes(part)) for part in parts]

    def _bytes(self, part):
        """Of the record; nothing of one that lies in a shard that is whole."""
        record, size = part.record, self._options.resize
        if part.number < self._writers[part.split].there:
            return b""
        if size and record.image:
            small = smaller(record.image, size, self._options.quality)
            record = dataclasses.replace(record, image=small)
        return encode(record)

    def _add(self, part, data):
        writer = self._writers[part.split]
        if data:
            writer.add(data)
        if part.number + 1 in self._cuts[part.split]:
            writer.cut()


def smaller(data: bytes, size: int, quality: int) -> bytes:
    """A JPEG whose short side is `size`; a picture that is no larger stays as it is."""
    picture = images.upright(data)
    short = min(picture.size)
    if short <= size:
        return data
    sides = [max(1, round(side * size / short)) for side in picture.size]
    out = io.BytesIO()
    picture.resize(sides, Image.Resampling.LANCZOS).save(out, "JPEG", quality=quality)
    return out.getvalue()
