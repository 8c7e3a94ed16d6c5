"""What becomes of each example: its split, which half of it is lent, and in which shard it lies.

Between the two readings of a source, from one row an example (scan.ROW). The rows stay on disk and
are looked at some at a time: of an example some bytes are held, whatever its texts and picture.

Splits: what the source tells, else by a hash of the key, so that they stay under new files.
Unpairing: of the pairs that are not kept, one half lends its pictures and the other its texts, by a
hash of the key. Examples of the same pixels lend the same half, and so does one whose picture lies
there alone: no picture stands on one side and a text of it on the other.
"""

import dataclasses
import functools
from collections.abc import Iterator
from operator import itemgetter

import numpy as np

from data_pipelines.example import questions_of
from data_pipelines.records import APART
from data_pipelines.scan import ROW, TOLD, parts
from data_pipelines.sources.base import HELD_OUT

NAMES = ("", "pairs", *HELD_OUT, "images", "texts")
PAIRS, IMAGES, TEXTS = (np.uint8(NAMES.index(name)) for name in ("pairs", "images", "texts"))
HELD = np.array([NAMES.index(name) for name in HELD_OUT], np.uint8)
SHOWN = np.array([PAIRS, *HELD, IMAGES], np.uint8)
KEPT = np.uint8(len(NAMES))  # pairs that stay, while others are torn
BARE = "held out without a caption"
ALONE = "held out without a picture"
ORPHANED = "questions about what is no pair any more"
TWICE = "the same picture as another"
REASONS = ("", BARE, ALONE, ORPHANED, TWICE)
FIRST_KEPT = ("test", "validation", "pairs", "images")  # of examples of the same pixels
ALIKE, PASSES = 2**15, 64  # examples that are compared at once, if all are seen in so many passes
DECIDED = np.dtype([
    ("key", "<u8"), ("bad", "u1"),  # of scan.ROW
    ("main", "u1"), ("asked", "u1"), ("skipped", "u1"), ("leaked", "u1"),  # of Plan
])  # fmt: skip
BYTES_A_PIXEL = 0.35  # of a JPEG, about, where pictures are written anew


@dataclasses.dataclass
class Plan:
    """main, asked: the split of an example's pair or half, and of its questions, as numbers of
    NAMES. skipped: why it is in none, as a number of REASONS. leaked: whether it is held out and
    its pixels are trained on. facts: what dataset.json tells of it."""

    main: np.ndarray  # uint8 [n]
    asked: np.ndarray  # uint8 [n]
    skipped: np.ndarray  # uint8 [n]
    leaked: np.ndarray  # bool [n]
    # Of texts and asked: whether any is. Of said: whether any example has a text, if any is used.
    trained: dict = dataclasses.field(default_factory=dict)
    facts: dict = dataclasses.field(default_factory=dict)

    def held_out(self, what) -> bool:
        """Whether any of texts, asked or said is."""
        split = self.asked if what == "asked" else self.main
        return bool(np.isin(split, HELD).any())

    def left_out(self) -> bool:
        """Whether any half is in no split because the source holds it out."""
        return bool(np.isin(self.skipped, [*map(REASONS.index, (BARE, ALONE))]).any())

    def splits(self) -> dict[str, int]:
        """{split: how many records}, of each that has any, in order."""
        counts = {name: np.count_nonzero(of == i) for name, (of, i) in self._sides().items()}
        return {name: int(count) for name, count in counts.items() if count}

    def _sides(self):
        main = {name: (self.main, i) for i, name in enumerate(NAMES) if i}
        return main | {questions_of(NAMES[i]): (self.asked, i) for i in (PAIRS, *HELD)}

    def examples(self, split, first=0, last=None) -> np.ndarray:
        """int64: those of a split, of the examples from first to last."""
        of, number = self._sides()[split]
        return first + np.flatnonzero(of[first:last] == number)

    def rows(self, split, rows) -> Iterator[np.ndarray]:
        """scan.ROW of the examples of a split, some at a time."""
        for first, part in parts(rows):
            index = self.examples(split, first, first + len(part))
            if len(index):
                yield part[index - first]

    def decided(self, rows) -> Iterator[np.ndarray]:
        """DECIDED of every example, some at a time: all that the second reading asks for."""
        for first, part in parts(rows):
            found = np.zeros(len(part), DECIDED)
            found["key"], found["bad"] = part["key"], part["bad"]
            for name in ("main", "asked", "skipped", "leaked"):
                found[name] = getattr(self, name)[first : first + len(part)]
            yield found


def make(rows, options) -> Plan:
    """rows: scan.ROW [n]. options: validation, test, pairs, unpair, drop_duplicates."""
    found = Plan(*(np.zeros(len(rows), kind) for kind in (np.uint8, np.uint8, np.uint8, bool)))
    for first, part in parts(rows):
        _place(found, slice(first, first + len(part)), part, options)
    if options.drop_duplicates:
        _drop(found, rows)
    _leave_one(found, found.main, rows)
    _leave_one(found, found.asked, rows)
    found.trained = {
        "texts": bool((found.main == PAIRS).any()), "asked": bool((found.asked == PAIRS).any()),
        "said": not found.main.any() or any(part["texts"].any() for _, part in parts(rows)),
    }  # fmt: skip
    unpairs = options.pairs or options.unpair
    found.facts["unpaired"] = _unpair(found, rows, options.pairs) if unpairs else {}
    found.facts["pictures_twice"] = _same_pixels(found, rows)
    found.facts[APART] = _apart(found, rows)
    return found


def _place(found, here, rows, options):
    """Every usable example in a split. rows: scan.ROW [m] of the examples `here`."""
    seen, said = (rows["image"] > 0) & (rows["bad"] == 0), rows["texts"] > 0
    asked = seen & (rows["asked"] > 0)
    share = (rows["key"] >> np.uint64(32)).astype(np.uint32)  # of 2**32
    told = np.array([NAMES.index(name) for name in TOLD], np.uint8)[rows["told"]]
    drawn = np.full(len(rows), PAIRS)
    drawn[share < (options.validation + options.test) * 2**32] = NAMES.index("test")
    drawn[share < options.validation * 2**32] = NAMES.index("validation")
    drawn[~(said | asked)] = PAIRS
    split = np.where(told > 0, told, drawn)
    main = np.where(said, split, np.where(split == PAIRS, IMAGES, 0))
    main[~seen] = 0
    lone, held = said & (rows["image"] == 0), np.isin(split, HELD)
    bare, alone = seen & ~said & ~asked & held, lone & np.isin(told, HELD)
    main[lone] = TEXTS
    main[alone] = 0
    found.main[here], found.asked[here] = main, np.where(asked, split, 0)
    found.skipped[here] = bare * REASONS.index(BARE) + alone * REASONS.index(ALONE)


def _among(split, here, numbers):
    """bool: which examples `here` are in splits of these numbers."""
    asked = np.zeros(256, bool)
    asked[list(numbers)] = True
    return asked[split[here]]  # several times as fast as np.isin


def _shown(found, here):
    """bool: whose pictures are used, of the examples `here`."""
    return _among(found.main, here, SHOWN) | (found.asked[here] > 0)


def _alike(rows, what, wanted) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(int64 [m], scan.ROW [m]): wanted examples, some at a time, all of one `what` (key or pixels)
    together and none behind those of a greater one. wanted(slice) -> bool."""
    passes, bits = min(PASSES, 1 + len(rows) // ALIKE), np.uint64(32)
    for turn in range(passes):
        index, some = [np.zeros(0, int)], [np.zeros(0, ROW)]
        for first, part in parts(rows):
            mine = (part[what] >> bits) * np.uint64(passes) >> bits == turn
            at = np.flatnonzero(mine & wanted(slice(first, first + len(part))))
            index.append(first + at)
            some.append(part[at])
        yield np.concatenate(index), np.concatenate(some)


def _drop(found, rows):
    """Leave one of all examples of the same pixels: one that is held out, if any is."""
    rank = np.full(len(NAMES), len(FIRST_KEPT))
    rank[[NAMES.index(name) for name in FIRST_KEPT]] = range(len(FIRST_KEPT))
    for index, some in _alike(rows, "pixels", functools.partial(_shown, found)):
        main, asked, pixels = found.main[index], found.asked[index], some["pixels"]
        order = np.lexsort((index, np.where(main > 0, rank[main], rank[asked]), pixels))
        dropped = index[order[1:][pixels[order[1:]] == pixels[order[:-1]]]]
        found.main[dropped] = found.asked[dropped] = 0
        found.skipped[dropped] = REASONS.index(TWICE)


def _leave_one(found, split, rows):
    """Of few pictures the hash may hold out all: then the last of them is trained on, unless the
    source told its split. split uint8 [n]: found.main or found.asked."""
    if (split == PAIRS).any():
        return
    lasts = []
    for first, part in parts(rows):
        held = _among(split, slice(first, first + len(part)), HELD) & (part["told"] == 0)
        if held.any():
            at = np.flatnonzero(held)[np.argmax(part["key"][held])]
            lasts.append((part["key"][at], first + at, part[at]))
    if lasts:
        _, last, row = max(lasts, key=itemgetter(0))
        found.main[last] = PAIRS if row["texts"] else IMAGES
        found.asked[last] = PAIRS if row["asked"] else 0


def _unpair(found, rows, pairs):
    """Keep so many pairs and tear the others. -> what dataset.json tells of it."""
    main = found.main
    kept, lone = _move(main, rows, PAIRS, KEPT, pairs), _count(main, IMAGES)
    found.skipped[(main == PAIRS) & (found.asked > 0)] = REASONS.index(ORPHANED)
    found.asked[main == PAIRS] = 0
    torn = _count(main, PAIRS)
    _move(main, rows, PAIRS, IMAGES, torn // 2, equals=True)
    for index, some in _alike(rows, "pixels", lambda here: _among(main, here, (PAIRS, IMAGES))):
        lent = some["pixels"][main[index] == IMAGES]
        main[index] = np.where(np.isin(some["pixels"], lent), IMAGES, TEXTS)
    main[main == KEPT] = PAIRS
    images = _count(main, IMAGES) - lone
    return {"pairs_kept": kept, "lend_images": images, "lend_texts": torn - images}


def _count(split, number):
    return int(np.count_nonzero(split == number))


def _move(main, rows, old, new, count, *, equals=False):
    """Move `count` examples of the least keys from one split to another; of those that equal the
    last of them the first, or all. -> how many."""
    moved = 0
    for index, some in _alike(rows, "key", lambda here: _among(main, here, (old,))):
        order = np.argsort(some["key"], kind="stable")
        index, keys = index[order], some["key"][order]
        taken = min(count - moved, len(keys))
        if equals and taken > 0:
            taken = np.searchsorted(keys, keys[taken - 1], "right")
        main[index[:taken]] = new
        moved += taken
        if moved >= count:
            break
    return int(moved)


def _same_pixels(found, rows):
    """Tell which held-out pictures are trained on too. -> how many pictures are there twice."""
    twice = 0
    for index, some in _alike(rows, "pixels", functools.partial(_shown, found)):
        main, asked, pixels = found.main[index], found.asked[index], some["pixels"]
        trained = np.isin(main, (PAIRS, IMAGES)) | (asked == PAIRS)
        held = np.isin(main, HELD) | np.isin(asked, HELD)
        found.leaked[index[held]] = np.isin(pixels[held], pixels[trained])
        twice += len(pixels) - len(np.unique(pixels))
    return twice


def _apart(found, rows):
    """Whether no key lends a picture and a text."""
    main = found.main
    for index, some in _alike(rows, "key", lambda here: _among(main, here, (IMAGES, TEXTS))):
        images, texts = (some["key"][main[index] == side] for side in (IMAGES, TEXTS))
        if np.isin(images, texts).any():
            return False
    return True


def cuts(planned, split, rows, shard_bytes, size=0) -> np.ndarray:
    """int64: behind which numbers of records the shards of a split end, all of about one size.

    size: side of the pictures that are written anew, or 0.
    """
    records = lambda: map(lambda some: _bytes(some, size), planned.rows(split, rows))
    whole = sum(int(some.sum()) for some in records())
    shards = max(1, round(whole / shard_bytes))
    ends, count, behind, last = [], 0, 0, None
    for some in records():
        to = behind + np.cumsum(some)
        shard = np.minimum((to - 1) * shards // whole, shards - 1)
        before = np.append(shard[0] if last is None else last, shard[:-1])
        ends.append(count + np.flatnonzero(shard != before))
        count, behind, last = count + len(some), to[-1], shard[-1]
    return np.append(np.concatenate(ends), count)


def _bytes(rows, size):
    """int64 [n]: of the records of scan.ROW [n], about."""
    image = rows["image"].astype(np.int64)
    if size:
        image = np.minimum(image, int(size**2 * BYTES_A_PIXEL))
    return image + rows["words"] + 64  # names and lengths
