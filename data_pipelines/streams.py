"""From records to batches: batch = f(seed, step, host), so a run resumes at any step in O(1).

    draw, caption   rows of `pairs`, each stream in an order of its own
    images          rows of `images`, without their text
    texts           rows of `texts`, without their image
    questions       rows of `questions`: image, question and answer, one of each picture's

A data set without lone images or texts lends those of its pairs, in an order of their own.
"""

import collections
import contextlib
import copy
import dataclasses
import functools
import itertools
import pathlib

import numpy as np

from data_pipelines import images as pixels
from data_pipelines.augment import Augment
from data_pipelines.encoded import Encoded
from data_pipelines.errors import Damaged, UserError
from data_pipelines.fetched import shelf
from data_pipelines.order import draws, mixed, permuted, shards_ahead, windowed
from data_pipelines.records import APART, LONE, Part, Records, concept, digest, read_info
from data_pipelines.words.find import open_words
from data_pipelines.words.t5_layout import in_t5_layout

CACHE_BYTES = 512 << 20  # a split that is smaller when decoded stays in memory
FOREVER = 1 << 40  # steps of an endless run


@dataclasses.dataclass(frozen=True)
class Stream:
    """Which split a stream reads and which half of a record it shows."""

    split: str
    image: bool
    text: bool
    asked: bool = False  # shows a question and its answer

    def source(self, splits):
        """The split that it reads of those that there are."""
        return self.split if self.split in splits or self.asked else PAIRS


PAIRS = "pairs"
STREAMS = {
    "draw": Stream("pairs", image=True, text=True),
    "caption": Stream("pairs", image=True, text=True),
    "images": Stream("images", image=True, text=False),
    "texts": Stream("texts", image=False, text=True),
    "questions": Stream("questions", image=True, text=False, asked=True),
}


class Split:
    """Decoded examples of one split, kept in memory where they are small."""

    def __init__(
        self, folder, name, limit, *, image_size, text_length, vocabulary, answer_length=0,
        tokens=None,
    ):  # fmt: skip
        self.records = Records(folder, name)
        if limit > len(self.records):
            raise UserError(
                f"{limit} records of split {name} are asked for, but {folder} has "
                f"{len(self.records)}; lower the number or build a larger data set."
            )
        self.count = limit or len(self.records)
        self._size, self._length, self._vocabulary = image_size, text_length, vocabulary
        self._lengths = text_length, answer_length
        self.tokens = None
        if tokens is not None:
            of = digest(read_info(folder))
            self.tokens = Encoded(tokens, name, "tokens", len(self.records), of)
        self._image_cache, self._text_cache, self._asked_cache = {}, {}, {}
        self._shards, self._just_read = {}, {}
        self._keep_images = self.count * image_size**2 * 3 <= CACHE_BYTES
        self._keep_words = self.count * sum(self._lengths) * 4 <= CACHE_BYTES // 8  # some a record

    @property
    def whole(self):
        """All that is shown, as one part."""
        return Part("", 0, self.count, range(self.records.files))

    def shards_of(self, part):
        """Rows of each shard of a part, of the whole up to `count`."""
        if part not in self._shards:
            rows = self.records.shards[part.numbers.start : part.numbers.stop]
            behind = np.minimum(np.cumsum(rows), part.count)
            self._shards[part] = tuple(np.diff(behind, prepend=0).tolist())
        return self._shards[part]

    def read(self, indices):
        """Records that are asked for next, together, but those whose pictures are known: between
        two pictures that are decoded each takes twice as long."""
        self._just_read = {}
        for index in set(indices) - self._image_cache.keys():
            with contextlib.suppress(Damaged):  # told when it is asked for
                self._just_read[index] = self.records[index]

    def _record(self, index):
        return self._just_read.get(index) or self.records[index]

    def image(self, index, uncut=False):
        """uint8 [h, w, 3]; uncut: as large as it was stored."""
        if uncut:
            return picture(self._record(index), self.records.split, 0)
        found = self._image_cache.get(index)
        if found is None:
            found = picture(self._record(index), self.records.split, self._size)
            if self._keep_images:
                self._image_cache[index] = found
        return found

    def text(self, index, draw):
        """int32 [t]: one of the record's texts, chosen by the random number `draw`."""
        found = self._text_cache.get(index)
        if found is None:
            texts = self._record(index).texts
            found = [self._vocabulary.encode(text, self._length) for text in texts]
            if self._keep_words:
                self._text_cache[index] = found
        return _chosen(found, draw)

    def said(self, index, draw):
        """The same as it was written."""
        return _chosen(self._record(index).texts, draw)

    def asked(self, index, draw):
        """(int32 [t], int32 [t]): a question about the picture and its answer, chosen likewise."""
        found = self._asked_cache.get(index)
        if found is None:
            encode, asked = self._vocabulary.encode, self._record(index).asked
            found = [tuple(map(encode, each[:2], self._lengths)) for each in asked]
            if self._keep_words:
                self._asked_cache[index] = found
        return _chosen(found, draw)


class Streams:
    """Batches of all streams of one host. rows: {stream: rows of one global step}. window: shards
    whose rows are mixed at a time, see order.windowed; 0: all. mixture: {stream: weights of the
    data sets that its split was merged of}; without them every record is shown equally often.
    bad_budget: share of the records of a split that may be unreadable. augment: how pictures are
    changed, other than those that a question is about: its answer may not hold any more.
    vocabulary: None where no stream reads words."""

    def __init__(
        self,
        folder,
        rows,
        *,
        seed,
        image_size,
        text_length,
        vocabulary,
        answer_length=0,
        limits=None,
        window=0,
        mixture=None,
        bad_budget=0.0,
        host=0,
        hosts=1,
        tokens=None,
        augment=None,
    ):
        self.rows = {name: count for name, count in rows.items() if count}
        self.seed, self.host, self.hosts = seed, host, hosts
        self._size, self._augment = image_size, augment or Augment()
        self._bad_budget, self._bad, self._news = bad_budget, {}, collections.deque()
        self._window, self._mixture = window, {n: w for n, w in (mixture or {}).items() if w}
        self._alone = {}
        if isinstance(vocabulary, str | pathlib.Path):
            vocabulary = in_t5_layout(open_words(vocabulary))
        self.vocabulary = vocabulary
        info = read_info(folder)
        self.splits = info["splits"]
        self._sources = {name: STREAMS[name].source(self.splits) for name in self.rows}
        self._check_rows(folder)
        open_split = functools.partial(
            Split, folder, image_size=image_size, text_length=text_length, vocabulary=vocabulary,
            answer_length=answer_length,
        )  # fmt: skip
        limits = limits or {}
        self._splits = {
            name: open_split(name, limits.get(name, 0), tokens=_tokens_for(name, tokens))
            for name in sorted(set(self._sources.values()))
        }
        self._check_room(folder)
        self._check_mixture(folder, limits)
        self.reads_text = any(STREAMS[name].text or STREAMS[name].asked for name in self.rows)
        _check_disjoint(self._splits, info)

    def _check_rows(self, folder):
        for name, count in self.rows.items():
            if self._sources[name] not in self.splits:
                raise UserError(
                    f"{folder} has no {STREAMS[name].split}, but {count} rows of stream {name} "
                    f"are asked for; set data.rows.{name}=0 or build the data set with them."
                )
            if count % self.hosts:
                raise UserError(
                    f"{count} rows of stream {name} do not divide over {self.hosts} hosts; "
                    f"set data.rows.{name} to a multiple of {self.hosts}."
                )

    def _check_room(self, folder):
        """Rows in any order from a bucket need all shards on this machine."""
        needed = sum(split.records.bytes for split in self._splits.values() if split.records.away)
        if not self._window and needed > shelf().most:
            raise UserError(
                f"{folder} has {needed / 1e9:,.0f} GB to train on, and data.cache_gigabytes is "
                f"{shelf().most / 1e9:g}; mix the rows of fewer shards at a time, such as "
                "--config.data.window=16, or give more."
            )

    def _check_mixture(self, folder, limits):
        for name in self._mixture.keys() & self.rows.keys():
            split = self._sources[name]
            parts, weights = self._splits[split].records.parts, self._mixture[name]
            if len(parts) != len(weights):
                made_of = ", ".join(part.folder or str(folder) for part in parts)
                raise UserError(
                    f"data.mixture.{name} has {len(weights)} weights, and the {split} of {folder} "
                    f"are of {len(parts)} ({made_of}); give one for each."
                )
            if limits.get(split):
                raise UserError(
                    f"data.mixture.{name} weighs all {split}, and only {limits[split]} of them are "
                    "asked for; give one of the two."
                )

    def lent(self):
        """{stream: split} of the streams whose own split is not there."""
        return {n: split for n, split in self._sources.items() if split != STREAMS[n].split}

    def weights(self, name):
        """Of the data sets that the split of a stream was merged of; () where none are told."""
        return self._mixture.get(name, ())

    def alone(self, name, number):
        """The same, but a stream reads one alone of the data sets that it weighs."""
        other = copy.copy(self)
        other._alone = self._alone | {name: number}
        return other

    def batch(self, step):
        """{stream: {"image" uint8 [b, h, w, 3] or "tokens" int32 [b, n], "text" int32 [b, t], or
        "question" and "answer" int32 [b, t]}}."""
        return {name: self.at(name, self.positions(name, step)) for name in self.rows}

    def positions(self, name, step):
        """Places of this host's rows of one step in the endless order of a stream."""
        share = self.rows[name] // self.hosts
        return step * self.rows[name] + self.host * share + np.arange(share)

    def at(self, name, positions):
        """Rows of a stream at these places: a function of (seed, stream, place) alone."""
        split = self._splits[self._sources[name]]
        index = self._index(name, split, positions)
        draw = draws(positions, self.seed, name, "row")
        if STREAMS[name].image and split.tokens is None:
            split.read(index.tolist())
        read = [self._row(name, split, *row) for row in zip(positions, index.tolist(), draw)]
        index, rows = zip(*read)
        out = {field: np.stack([row[field] for row in rows]) for field in rows[0]}
        if STREAMS[name].image and split.tokens is not None:
            out["tokens"] = split.tokens.pick(np.array(index), draw >> np.uint64(32))
        return out

    def _row(self, name, split, place, index, draw):
        """(record, {array: of that row}); of a record that cannot be read the row behind it."""
        for behind in itertools.count(1):
            try:
                return index, self._shown(name, split, place, index, draw)
            except Damaged as error:
                self._note(split, index, error)
            index = int(self._index(name, split, np.array([place + behind]))[0])

    def _shown(self, name, split, place, index, draw):
        """{array: of one row}, without the tokens that lie beside the records."""
        stream, row = STREAMS[name], {}
        if stream.image and split.tokens is None:
            row["image"] = self._image(name, split, place, index, draw)
        if stream.text:
            row["text"] = split.text(index, draw)
        if stream.asked:
            row["question"], row["answer"] = split.asked(index, draw)
        return row

    def _image(self, name, split, place, index, draw):
        if not self._augment.on or STREAMS[name].asked:
            return split.image(index)
        said = split.said(index, draw) if STREAMS[name].text else ""
        picture = split.image(index, uncut=self._augment.crops)
        return self._augment(picture, self._size, said, (self.seed, name, int(place)))

    def _note(self, split, index, error):
        """Count a record that cannot be read; too many of them end the run."""
        known = self._bad.setdefault(split.records.split, set())
        if index in known:
            return
        known.add(index)
        if len(known) > self._bad_budget * split.count:
            raise error
        told = str(error).partition(";")[0]
        self._news.append(f"{told}; the next one stands in its place ({len(known):,} so far)")

    def news(self):
        """Sentences about records that could not be read, each told once."""
        while self._news:
            yield self._news.popleft()

    def _index(self, name, split, positions):
        """Which records stand at these places of a stream."""
        if name not in self._mixture:
            return self._endless(positions, split, split.whole, self.seed, name)
        if name in self._alone:
            part, place = np.full(len(positions), self._alone[name]), positions
        else:
            part, place = mixed(positions, self._mixture[name], self.seed, name)
        index = np.empty(len(positions), np.int64)
        for number in np.unique(part):
            here, rows = part == number, split.records.parts[number]
            index[here] = self._endless(place[here], split, rows, self.seed, name, int(number))
        return index

    def _endless(self, places, split, part, *seed):
        """Records of a part of a split at places of its own endless order."""
        epoch, within = np.divmod(places, part.count)
        index = np.empty(len(places), np.int64)
        for e in np.unique(epoch):
            here = epoch == e
            index[here] = part.first + self._order(split, part, within[here], *seed, int(e))
        return index

    def _order(self, split, part, within, *seed):
        if not self._window:
            return permuted(within, part.count, *seed)
        order = split.shards_of(part), self._window, *seed
        ahead = shards_ahead(int(within[-1]), *order)
        split.records.ahead(part.numbers[number] for number in ahead)
        return windowed(within, *order)


def _chosen(some, draw):
    return some[int(draw % np.uint64(len(some)))]


def images(folder, split, image_size):
    """Every image of a split, in order, one by one: uint8 [h, w, 3]."""
    for record in Records(folder, split):
        yield picture(record, split, image_size)


def picture(record, split, size):
    """uint8 [size, size, 3], or [h, w, 3] with size 0, of a record of a split."""
    try:
        return pixels.decode(record.image, size)
    except pixels.Unreadable as error:
        raise Damaged(
            f"record {record.key} of split {split} holds what is no picture: {error}; "
            "build the data set again, which leaves such records out."
        ) from error


def _tokens_for(split, tokens):
    return tokens if tokens and split != "texts" else None


def _check_disjoint(splits, info):
    """The lone sets must never hold both halves of one pair. A data set tells so of itself; the
    keys of one that does not are read."""
    if info.get(APART) or not {"images", "texts"} <= splits.keys():
        return
    concepts = [{concept(r.key) for r in splits[name].records} for name in LONE]
    if shared := sorted(concepts[0] & concepts[1]):
        raise UserError(
            f"{shared[0]} stands in both the lone images and the lone texts; "
            "build the data set so that the two hold different examples."
        )
