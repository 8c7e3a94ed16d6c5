"""How fast the two engines read pictures for training, beside bare loops."""

import io
import itertools
import os
import statistics
import time

import numpy as np
from array_record.python.array_record_module import ArrayRecordReader
from PIL import Image

from benchmarks.data import made
from data_pipelines import engines, example, records
from data_pipelines.streams import Streams

ENGINES = ("grain", "seqio")
BARE = ("decoding", "reading_and_decoding")
TURNS = 15  # of speeds the fastest counts, of shares the median
ROWS = 32  # of a batch
PAUSE, IDLE = 0.1, 0.002  # seconds between two looks, and of a core that looking itself takes


def rate(folder, count, side) -> dict:
    """Pictures a second of one core: of each engine; of decoding pictures that are in memory; of
    reading records one behind the other and decoding them.

    In turn, on one core, and by its own seconds, so that other work on the machine counts little.
    """
    write(folder / "set", count, side)
    words, shard = made.words(folder / "w.model"), next((folder / "set").glob("*.array_record"))
    pictures = [record.image for record in records.Records(folder / "set", "images")]
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    readers = {"decoding": _decoded(itertools.cycle(pictures))}
    readers["reading_and_decoding"] = _decoded(_read(shard, count))
    for name in ENGINES:
        streams = Streams(
            folder / "set", {"images": ROWS}, seed=0, image_size=side, text_length=8,
            vocabulary=words,
        )  # fmt: skip
        readers[name] = engines.read(streams, 0, name)
    batches = max(1, count // ROWS // (TURNS + 1))
    spent = _spent(readers, batches)
    os.sched_setaffinity(0, cores)
    told = {"pictures": count, "side": side, "bytes": sum(map(len, pictures)) // count}
    told |= {f"{name}_a_core_second": round(ROWS * batches / min(seconds), 1)
             for name, seconds in spent.items()}  # fmt: skip
    for name, bare in itertools.product(ENGINES, BARE):
        shares = [a / b for a, b in zip(spent[bare], spent[name])]
        told[f"{name}_over_{bare}"] = round(statistics.median(shares), 3)
    return told


def write(folder, count, side):
    """A data set of so many lone pictures in one shard."""
    pictures = [made.jpeg(side, seed) for seed in range(min(count, made.DIFFERENT))]
    rows = (example.Record(f"i{i}", pictures[i % len(pictures)], (), "s") for i in range(count))
    about = dict(name="n", licence="l", made_by="m", made_of={}, parameters={})
    records.write(folder, {"images": rows}, **about)


def _spent(readers, batches):
    """{name: seconds of a core of each turn}."""
    spent = {name: [] for name in readers}
    for reader in readers.values():
        next(reader)
    for name in [*readers] * TURNS:
        start = _settled()
        for _ in range(batches):
            next(readers[name])
        spent[name].append(_settled() - start)
    return spent


def _settled():
    """Seconds of a core so far, once nobody reads ahead any more."""
    before = None
    while before is None or time.process_time() - before > IDLE:
        before = time.process_time()
        time.sleep(PAUSE)
    return before


def _decoded(pictures):
    """Batches uint8 [ROWS, side, side, 3] of endless bytes of pictures."""
    while True:
        some = itertools.islice(pictures, ROWS)
        yield np.stack([np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for data in some])


def _read(shard, count):
    reader = ArrayRecordReader(str(shard))
    for number in itertools.cycle(range(count)):
        yield example.decode(reader.read([number])[0]).image
