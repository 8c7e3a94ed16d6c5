"""How long it takes to open a data set of ten million records, and what memory.

Its shards are one shard, named again and again: a start looks at every name and opens some of them,
and an index of ten million records is made for it.
"""

import json
import pathlib
import subprocess
import sys

from benchmarks.data import made
from benchmarks.data.building import peak_megabytes
from data_pipelines import records
from data_pipelines.records import Record

ROOT = pathlib.Path(__file__).parents[2]
IN_SHARD = 4000
ROWS = {"draw": 32, "caption": 32, "images": 32, "texts": 32}


def start(folder, count) -> dict:
    """Seconds to open the streams and to the first batch, in a process of its own."""
    picture = made.jpeg(64, 0)
    splits = {
        "pairs": [Record(f"p{i}", picture, (f"picture {i}",), "s") for i in range(IN_SHARD)],
        "images": [Record(f"i{i}", picture, (), "s") for i in range(IN_SHARD)],
        "texts": [Record(f"t{i}", b"", (f"text {i}",), "s") for i in range(IN_SHARD)],
    }
    info = records.write(folder / "set", splits, name="n", licence="l", made_by="m", parameters={})
    again = max(1, count // len(splits) // IN_SHARD)
    for split in info["splits"].values():
        split["shards"] *= again
        split["records"] *= again
    records.write_info(folder / "set", info)
    words = made.words(folder / "w.model")
    command = [sys.executable, "-m", "benchmarks.data.starting", str(folder / "set"), words]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    shards = sum(len(split["shards"]) for split in info["splits"].values())
    return {"records": 3 * again * IN_SHARD, "shards": shards} | json.loads(told)


def child(folder, words):
    """What the process of its own does, behind its imports: opens, reads a batch, tells."""
    import time

    from data_pipelines.streams import Streams

    before = peak_megabytes()
    clock, core = time.perf_counter(), time.process_time()
    streams = Streams(folder, ROWS, seed=0, image_size=64, text_length=16, vocabulary=words)
    opened, opened_core = time.perf_counter() - clock, time.process_time() - core
    streams.batch(0)
    told = {
        "open_seconds": opened, "open_core_seconds": opened_core,
        "first_batch_seconds": time.perf_counter() - clock,
        "first_batch_core_seconds": time.process_time() - core,
        "imports_megabytes": before, "peak_megabytes": peak_megabytes(),
    }  # fmt: skip
    print(json.dumps({name: round(value, 3) for name, value in told.items()}))


if __name__ == "__main__":
    child(*sys.argv[1:])
