"""What a frozen part said of a data set, once: arrays on disk beside the records.

    SPLIT.NAME.npy          [rows, ...], those of the first record, then of the second, ...
    SPLIT.NAME.starts.npy   int64 [records + 1]: record i has the rows starts[i] to starts[i + 1]
    SPLIT.NAME.json         which data set, and checksums: of header and starts, of each block

A picture is one row of its record; so is each of its texts. While a split is encoded its parts, one
for each shard of the records, lie there as SPLIT.NUMBER.NAME.npy and so on, until they are joined.
"""

import io
import itertools
import json
import pathlib
import zlib
from collections.abc import Iterable

import numpy as np

from data_pipelines.errors import UserError
from data_pipelines.files import whole

# Bytes with one checksum. A block is looked at when a row of it is first asked for: a start costs
# nothing, however large the file, and a whole run one more reading of it.
BLOCK = 2**20
AGAIN = "run --mode=encode into that folder again"


def files(folder, split, name) -> tuple[pathlib.Path, ...]:
    """Where rows, starts and checksums lie."""
    folder = pathlib.Path(folder)
    return tuple(folder / f"{split}.{name}{end}" for end in (".npy", ".starts.npy", ".json"))


def there(folder, split, name) -> bool:
    """Whether this split was written to its end."""
    return all(file.is_file() for file in files(folder, split, name))


def remove(folder, split, name):
    """So that it is not there."""
    files(folder, split, name)[0].unlink(missing_ok=True)


def part(split, number) -> str:
    """What a part of a split is called, which is written and read as a split is."""
    return f"{split}.{number:05d}"


def remove_parts(folder, split, name):
    """All parts of a split, and what who was killed had begun to write."""
    files = itertools.chain(
        pathlib.Path(folder).glob(f"{split}.[0-9]*.{name}.*"),
        pathlib.Path(folder).glob(f".{split}.*{name}.*.new"),
    )
    for file in files:
        file.unlink(missing_ok=True)


def join(folder, split, name, counts, *, shape, dtype, dataset):
    """One file of the parts of a split, which hold so many records each and are gone then."""
    opened = lambda: (
        Encoded(folder, part(split, number), name, count, dataset)
        for number, count in enumerate(counts)
    )  # one at a time
    starts = [np.zeros(1, np.int64)]
    for each in opened():
        starts.append(each.starts[1:] + starts[-1][-1])
    batches = (rows for each in opened() for rows in each.blocks())
    how = dict(shape=shape, dtype=dtype, dataset=dataset)
    write(folder, split, name, np.concatenate(starts), batches, **how)
    remove_parts(folder, split, name)


def write(folder, split, name, starts, batches: Iterable[np.ndarray], *, shape, dtype, dataset):
    """Batches [n, *shape] of all rows in order; one is in memory at a time.

    dataset: records.digest of the data set. The rows come last: where they are, all is there.
    """
    rows, places, about = files(folder, split, name)
    starts, dtype = np.asarray(starts, np.int64), np.dtype(dtype)
    header = _header((int(starts[-1]), *shape), dtype)
    in_block = max(1, BLOCK // (int(np.prod(shape)) * dtype.itemsize))
    sums = [_sum(header, starts)]
    remove(folder, split, name)
    with whole(places) as file:
        np.save(file, starts)
    with whole(rows) as file:
        file.write(header)
        data = (np.ascontiguousarray(batch, dtype).tobytes() for batch in batches)
        for block in _pieces(data, in_block * int(np.prod(shape)) * dtype.itemsize):
            file.write(block)
            sums.append(_sum(block))
        with whole(about, "w") as told:
            json.dump({"dataset": dataset, "rows_in_block": in_block, "crc32": sums}, told)


def _header(shape, dtype):
    out = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(dtype)
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(out, header)
    return out.getvalue()


def _sum(*parts):
    total = 0
    for part in parts:
        total = zlib.crc32(part, total)
    return total


def _pieces(parts, size):
    """The bytes of all parts, in pieces of one size; the last may be shorter."""
    waiting = bytearray()
    for part in parts:
        waiting += part
        while len(waiting) >= size:
            yield bytes(waiting[:size])
            del waiting[:size]
    if waiting:
        yield bytes(waiting)


class Encoded:
    """Rows of one split, read from disk as they are asked for."""

    def __init__(self, folder, split, name, records, dataset):
        """records, dataset: number and digest of the records that they have to be of."""
        if not there(folder, split, name):
            raise UserError(
                f"{folder} holds no {name} of split {split}, or not all of them; {AGAIN}."
            )
        self._file, places, about = files(folder, split, name)
        try:
            told = json.loads(about.read_bytes())
            self.rows, self.starts = np.load(self._file, mmap_mode="r"), np.load(places)
            self._in_block, self._sums = int(told["rows_in_block"]), told["crc32"]
            made_of = told["dataset"]
            with open(self._file, "rb") as file:
                header = file.read(self.rows.offset)
        except Exception as error:  # NumPy raises many kinds of a harmed header
            raise self._damaged() from error
        if made_of != dataset:
            raise UserError(f"{self._file} was made of another data set; {AGAIN} for this one.")
        if self._sums[0] != _sum(header, self.starts) or len(self.starts) != records + 1:
            raise self._damaged()
        self._unseen = set(range(len(self._sums) - 1))

    def of(self, record) -> np.ndarray:
        """[rows of this record, ...]."""
        first, last = self.starts[record], self.starts[record + 1]
        return self._read(np.arange(first, last))

    def pick(self, records, draws) -> np.ndarray:
        """[n, ...]: of each record int [n] one row, chosen by a random number uint64 [n]."""
        first = self.starts[records]
        counts = self.starts[records + 1] - first
        return self._read(first + (draws % counts.astype(np.uint64)).astype(np.int64))

    def blocks(self):
        """All rows in order, a block at a time."""
        for first in range(0, len(self.rows), self._in_block):
            yield self._read(np.arange(first, min(first + self._in_block, len(self.rows))))

    def _read(self, rows):
        for block in self._unseen & set((rows // self._in_block).tolist()):
            first = block * self._in_block
            if self._sums[block + 1] != _sum(self.rows[first : first + self._in_block]):
                raise self._damaged()
            self._unseen.discard(block)
        return self.rows[rows]

    def _damaged(self):
        return UserError(
            f"{self._file} or the files of its name beside it are damaged; remove it and {AGAIN}."
        )
