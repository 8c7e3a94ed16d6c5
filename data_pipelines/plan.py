"""What becomes of each example: its split, which half of it is lent, and in which shard it lies.

Between the two readings of a source, from one row an example (scan.ROW), in a moment.

Splits: what the source tells, else by a hash of the key, so that they stay under new files.
Unpairing: of the pairs that are not kept, one half lends its pictures and the other its texts, by a
hash of the key. Examples of the same pixels lend the same half, and so does one whose picture lies
there alone: no picture stands on one side and a text of it on the other.
"""

import dataclasses

import numpy as np

from data_pipelines.example import questions_of
from data_pipelines.records import APART
from data_pipelines.scan import TOLD
from data_pipelines.sources.base import HELD_OUT

NAMES = ("", "pairs", *HELD_OUT, "images", "texts")
PAIRS, IMAGES, TEXTS = (np.uint8(NAMES.index(name)) for name in ("pairs", "images", "texts"))
HELD = np.array([NAMES.index(name) for name in HELD_OUT], np.uint8)
BARE = "held out without a caption"
ORPHANED = "questions about what is no pair any more"
TWICE = "the same picture as another"
REASONS = ("", BARE, ORPHANED, TWICE)
FIRST_KEPT = ("test", "validation", "pairs", "images")  # of examples of the same pixels
PART = 2**20  # examples that are looked up at once
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
    leaked: np.ndarray | None = None  # bool [n]
    trained: dict = dataclasses.field(default_factory=dict)  # of texts and asked: whether any is
    facts: dict = dataclasses.field(default_factory=dict)

    def held_out(self, what) -> bool:
        """Whether any of texts or asked is."""
        return bool(np.isin({"texts": self.main, "asked": self.asked}[what], HELD).any())

    def splits(self) -> dict[str, np.ndarray]:
        """{split: int64 [records]}: the examples of each that has any, in order."""
        found = {name: np.flatnonzero(self.main == i) for i, name in enumerate(NAMES) if i}
        for i, name in enumerate(("pairs", *HELD_OUT), start=1):
            found[questions_of(name)] = np.flatnonzero(self.asked == i)
        return {name: index for name, index in found.items() if len(index)}

    def decided(self, rows) -> np.ndarray:
        """DECIDED [n] of scan.ROW [n]: all that the second reading asks for."""
        found = np.zeros(len(rows), DECIDED)
        for name in DECIDED.names:
            found[name] = rows[name] if name in ("key", "bad") else getattr(self, name)
        return found


def make(rows, options) -> Plan:
    """rows: scan.ROW [n]. options: validation, test, pairs, unpair, drop_duplicates."""
    found = _places(rows, options)
    seen = _seen(rows)
    if options.drop_duplicates:
        _drop(found, rows, seen)
    _leave_one(found, found.main, rows)
    _leave_one(found, found.asked, rows)
    found.trained = {
        "texts": bool((found.main == PAIRS).any()), "asked": bool((found.asked == PAIRS).any())
    }  # fmt: skip
    found.facts["unpaired"] = _unpair(found, rows, seen, options) if _unpairs(options) else {}
    found.facts |= _same_pixels(found, rows, seen)
    return found


def _seen(rows):
    return (rows["image"] > 0) & (rows["bad"] == 0)


def _unpairs(options):
    return bool(options.pairs or options.unpair)


def _places(rows, options):
    """Every usable example in a split."""
    seen, said = _seen(rows), rows["texts"] > 0
    asked = seen & (rows["asked"] > 0)
    share = (rows["key"] >> np.uint64(32)).astype(np.uint32)  # of 2**32
    told = np.array([NAMES.index(name) for name in TOLD], np.uint8)[rows["told"]]
    drawn = np.full(len(rows), PAIRS)
    drawn[share < (options.validation + options.test) * 2**32] = NAMES.index("test")
    drawn[share < options.validation * 2**32] = NAMES.index("validation")
    drawn[~(said | asked)] = PAIRS
    split = np.where(told > 0, told, drawn)
    main = np.where(said, split, np.where(split == PAIRS, IMAGES, 0)).astype(np.uint8)
    main[~seen] = 0
    main[said & (rows["image"] == 0)] = TEXTS
    bare = seen & ~said & ~asked & np.isin(split, HELD)
    skipped = np.where(bare, np.uint8(REASONS.index(BARE)), np.uint8(0))
    return Plan(main, np.where(asked, split, np.uint8(0)), skipped)


def _drop(found, rows, seen):
    """Leave one of all examples of the same pixels: one that is held out, if any is."""
    rank = np.full(len(NAMES), len(FIRST_KEPT))
    rank[[NAMES.index(name) for name in FIRST_KEPT]] = range(len(FIRST_KEPT))
    index = np.flatnonzero(seen & (found.main | found.asked > 0))
    ranks = np.where(found.main > 0, rank[found.main], rank[found.asked])[index]
    pixels = rows["pixels"][index]
    order = np.lexsort((index, ranks, pixels))
    twice = np.zeros(len(index), bool)
    twice[order[1:]] = pixels[order[1:]] == pixels[order[:-1]]
    dropped = index[twice]
    found.main[dropped] = found.asked[dropped] = 0
    found.skipped[dropped] = REASONS.index(TWICE)


def _leave_one(found, split, rows):
    """Of few pictures the hash may hold out all: then the last of them is trained on, unless the
    source told its split. split uint8 [n]: found.main or found.asked."""
    held = np.flatnonzero(np.isin(split, HELD) & (rows["told"] == 0))
    if len(held) and not (split == PAIRS).any():
        last = held[np.argmax(rows["key"][held])]
        found.main[last] = PAIRS if rows["texts"][last] else IMAGES
        found.asked[last] = PAIRS if rows["asked"][last] else 0


def _unpair(found, rows, seen, options):
    """Keep some pairs and tear the others. -> what dataset.json tells of it."""
    paired = np.flatnonzero(found.main == PAIRS)
    ordered = paired[np.argsort(rows["key"][paired], kind="stable")]
    rest = ordered[options.pairs :]
    lends_image = _first_half(rows["key"][rest], rows["pixels"][rest])
    alone = np.sort(rows["pixels"][seen & (found.main == IMAGES)])
    lends_image |= _among(rows["pixels"][rest], alone)
    found.main[rest] = np.where(lends_image, IMAGES, TEXTS)
    orphaned = rest[found.asked[rest] > 0]
    found.asked[orphaned] = 0
    found.skipped[orphaned] = REASONS.index(ORPHANED)
    images = int(lends_image.sum())
    kept = len(paired) - len(rest)
    return {"pairs_kept": kept, "lend_images": images, "lend_texts": len(rest) - images}


def _first_half(key, pixels):
    """bool [n]: who is in the first half of key uint64 [n], which is sorted. All of one key are in
    one, and all of one picture: where the first of them is."""
    half = len(key) // 2
    while 0 < half < len(key) and key[half - 1] == key[half]:
        half += 1
    order = np.argsort(pixels, kind="stable")
    ordered = pixels[order]
    begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(key)])
    out = np.empty(len(key), bool)
    counts = np.diff(np.append(begins, len(key)))
    out[order] = np.repeat(order[begins] < half, counts)
    return out


def _same_pixels(found, rows, seen):
    """Which held-out pictures are trained on too. -> what dataset.json tells of it."""
    trained = seen & np.isin(found.main, (PAIRS, IMAGES)) | (found.asked == PAIRS)
    held = seen & (np.isin(found.main, HELD) | np.isin(found.asked, HELD))
    pixels = np.sort(rows["pixels"][trained])
    found.leaked = held.copy()
    found.leaked[held] = _among(rows["pixels"][held], pixels)
    pixels = np.sort(np.concatenate([pixels, rows["pixels"][held]]))
    twice = int((pixels[1:] == pixels[:-1]).sum())
    del pixels
    images, texts = (rows["key"][found.main == side] for side in (IMAGES, TEXTS))
    images.sort()
    return {"pictures_twice": twice, APART: not _among(texts, images).any()}


def _among(values, known):
    """bool [n]: which values [n] are in known, which is sorted. np.isin takes several times the
    memory."""
    if not len(known):
        return np.zeros(len(values), bool)
    found = np.empty(len(values), bool)
    for first in range(0, len(values), PART):
        part = values[first : first + PART]
        at = np.minimum(np.searchsorted(known, part), len(known) - 1)
        found[first : first + PART] = known[at] == part
    return found


def cuts(index, rows, shard_bytes, size=0) -> np.ndarray:
    """int64: behind which numbers of records the shards of a split end, all of about one size.

    index int64 [records]: its examples. size: side of the pictures that are written anew, or 0.
    """
    image = rows["image"][index].astype(np.int64)
    if size:
        image = np.minimum(image, int(size**2 * BYTES_A_PIXEL))
    behind = np.cumsum(image + rows["words"][index] + 64)  # names and lengths
    shards = max(1, round(behind[-1] / shard_bytes))
    shard = np.minimum((behind - 1) * shards // behind[-1], shards - 1)
    return np.append(np.flatnonzero(np.diff(shard)) + 1, len(index))
