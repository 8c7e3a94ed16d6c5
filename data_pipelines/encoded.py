"""What a frozen part said of a data set, once: arrays on disk beside the records.

    SPLIT.NAME.npy          [rows, ...], those of the first record, then of the second, ...
    SPLIT.NAME.starts.npy   int64 [records + 1]: record i has the rows starts[i] to starts[i + 1]

A picture is one row of its record; so is each of its texts.
"""

import pathlib
from collections.abc import Iterable

import numpy as np

from data_pipelines.errors import UserError
from data_pipelines.files import whole


def files(folder, split, name) -> tuple[pathlib.Path, pathlib.Path]:
    """Where rows and starts lie."""
    folder = pathlib.Path(folder)
    return folder / f"{split}.{name}.npy", folder / f"{split}.{name}.starts.npy"


def there(folder, split, name) -> bool:
    """Whether this split was written to its end."""
    return all(file.is_file() for file in files(folder, split, name))


def write(folder, split, name, starts, batches: Iterable[np.ndarray], *, shape, dtype):
    """Batches [n, *shape] of all rows in order; one is in memory at a time.

    The rows come last: where they are, all is there.
    """
    rows, places = files(folder, split, name)
    header = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(dtype)),
        "fortran_order": False,
        "shape": (int(starts[-1]), *shape),
    }
    rows.unlink(missing_ok=True)
    with whole(places) as file:
        np.save(file, np.asarray(starts, np.int64))
    with whole(rows) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for batch in batches:
            file.write(np.ascontiguousarray(batch, dtype).tobytes())


class Encoded:
    """Rows of one split, read from disk as they are asked for."""

    def __init__(self, folder, split, name, records):
        if not there(folder, split, name):
            raise UserError(
                f"{folder} holds no {name} of split {split}; run --mode=encode into it first."
            )
        rows, places = files(folder, split, name)
        try:
            self.rows, self.starts = np.load(rows, mmap_mode="r"), np.load(places)
        except (ValueError, EOFError) as error:
            raise UserError(f"{rows} is damaged ({error}); remove it and encode again.") from error
        if len(self.starts) != records + 1 or self.starts[-1] != len(self.rows):
            raise UserError(
                f"{rows} holds {len(self.starts) - 1} records, the data set {records}; "
                "run --mode=encode again for this data set."
            )

    def of(self, record) -> np.ndarray:
        """[rows of this record, ...]."""
        return self.rows[self.starts[record] : self.starts[record + 1]]

    def pick(self, records, draws) -> np.ndarray:
        """[n, ...]: of each record int [n] one row, chosen by a random number uint64 [n]."""
        first = self.starts[records]
        counts = self.starts[records + 1] - first
        return self.rows[first + (draws % counts.astype(np.uint64)).astype(np.int64)]
