"""What becomes of each example when its source is read again: the records of it that are written,
what is told of it, and what a vocabulary is learnt from.

Asked of all examples of a source, or of those of one of its files: what is found of the files one
after the other is what is found of all.
"""

import dataclasses
import io
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

from data_pipelines import images, plan
from data_pipelines.errors import UserError
from data_pipelines.example import Record, encode, questions_of
from data_pipelines.images import Unreadable
from data_pipelines.report import NAMED
from data_pipelines.scan import key_hash
from data_pipelines.sources.base import Skipped
from data_pipelines.words.train import TRAINED, texts_of

MOST_TEXTS = 200_000  # records whose texts a vocabulary is learnt from, spread over all
CHANGED = "the source changed while it was read; let it rest, and give the same command again."


class Part(NamedTuple):
    """What a split gets of an example: its `number`th record."""

    record: Record
    split: str
    number: int


class Parts:
    """decided: plan.DECIDED of each of the examples. counts: {split: records of the examples before
    them}, which grow. every: of how many records the texts of one are kept, 0 for none."""

    def __init__(self, decided, counts, every, report):
        self._decided, self.counts, self._every = iter(decided), counts, every
        self._report = report
        self.texts = {name: [] for name in TRAINED}
        self.leaks = {}  # {split: which of its pictures are trained on}

    def of(self, found) -> Iterator[Part]:
        """The parts of what a source gives; the report hears of what is not used."""
        for each in found:
            if isinstance(each, Skipped):
                self._report.skip(*each)
                continue
            decided = next(self._decided, None)
            if decided is None or key_hash(each.record.key) != decided["key"]:
                raise UserError(CHANGED)
            yield from self._parts(decided, each.record)
        if next(self._decided, None) is not None:
            raise UserError(CHANGED)

    def _parts(self, decided, record):
        if decided["bad"]:
            self._report.skip(*why(record))
        if reason := plan.REASONS[decided["skipped"]]:
            self._report.skip(reason, record.key)
        if decided["leaked"]:
            self._tell_leak(decided, record.key)
        if asked := decided["asked"]:
            whole = dataclasses.replace(record, texts=())
            yield self._part(whole, questions_of(plan.NAMES[asked]))
        main = decided["main"]
        if main == plan.IMAGES:
            record = dataclasses.replace(record, texts=())
        elif main == plan.TEXTS:
            record = dataclasses.replace(record, image=b"")
        if main:
            yield self._part(dataclasses.replace(record, asked=()), plan.NAMES[main])

    def _part(self, record, split):
        number = self.counts[split]
        self.counts[split] = number + 1
        if self._every and split in TRAINED and number % self._every == 0:
            self.texts[split] += texts_of(record)
        return Part(record, split, number)

    def _tell_leak(self, decided, key):
        split = plan.NAMES[decided["main"] or decided["asked"]]
        add_leaks(self.leaks, {split: {"count": 1, "first": [key]}})


def add_leaks(leaks, more):
    """Count those of `more`, which come behind."""
    for split, found in more.items():
        told = leaks.setdefault(split, {"count": 0, "first": []})
        told["count"] += found["count"]
        told["first"] = [*told["first"], *found["first"]][:NAMED]


def every(splits, options) -> int:
    """Of how many records the texts of one are kept; splits: {split: its records}."""
    said = sum(splits.get(name, 0) for name in TRAINED)
    return 0 if options.vocabulary else max(1, math.ceil(said / MOST_TEXTS))


def texts_in_order(texts):
    """Of the splits that say something, one after the other."""
    return [text for name in TRAINED for text in texts[name]]


def why(record):
    """(reason, where) of a picture that cannot be read."""
    try:
        images.upright(record.image)
    except Unreadable as error:
        return error.reason, error.of(record.key)
    return images.UNREADABLE, record.key


def data(record: Record, options) -> bytes:
    """The record as it is written, its picture as small as asked for."""
    if options.resize and record.image:
        small = smaller(record.image, options.resize, options.quality)
        record = dataclasses.replace(record, image=small)
    return encode(record)


def smaller(data: bytes, size: int, quality: int) -> bytes:
    """A JPEG whose short side is `size`, or a PNG where a side is longer than JPEG's can be (65,500
    pixels); a picture that is no larger stays as it is."""
    picture = images.upright(data)
    short = min(picture.size)
    if short <= size:
        return data
    sides = [max(1, round(side * size / short)) for side in picture.size]
    small, out = picture.resize(sides, Image.Resampling.LANCZOS), io.BytesIO()
    try:
        small.save(out, "JPEG", quality=quality)
    except OSError:  # of the encoder: to whoever writes the data set it would be a full disk
        return images.encode_png(np.asarray(small))
    return out.getvalue()
