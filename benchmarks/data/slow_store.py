"""Rows in windows of shards beside rows in uniform order, from a store that answers slowly.

The store is a stand-in of a bucket on loopback, which sleeps before every answer; the reader is a
process of its own, which begins with nothing on its disk.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

from benchmarks.bucket import Bucket
from benchmarks.data import made
from benchmarks.data.building import peak_megabytes
from data_pipelines import records
from data_pipelines.example import Record

ROOT = pathlib.Path(__file__).parents[2]
SLEEP = 0.05  # seconds before an answer
ROWS = 32  # of a batch
MARKS = (1, 10)  # batches whose arrival is told, besides the last
SHARD_BYTES = 2**21
WINDOW = 8  # shards
ROOM = 3  # windows that fit on the disk of who reads by windows


def beside(folder, count, side, batches) -> dict:
    """Of each order: seconds to batches, requests, bytes fetched, most bytes on the disk."""
    shards, stored = _set(folder / "set", count, side)
    words, served = made.words(folder / "w.model"), Bucket()
    for file in (folder / "set").iterdir():
        served.write(f"set/{file.name}", file.read_bytes())
    found = {}
    for name, window, room in (
        ("uniform", 0, 2 * stored), ("windowed", WINDOW, ROOM * WINDOW * stored // shards),
    ):  # fmt: skip
        asked = _count(served)
        given = ["gs://bucket/set", words, window, folder / name, room / 1e9, side, batches]
        found[name] = _child(served, given) | {
            "requests": len(asked), "megabytes_fetched": round(sum(asked) / 1e6, 1),
        }  # fmt: skip
    served.close()
    told = {"records": count, "side": side, "shards": shards, "megabytes": round(stored / 1e6, 1)}
    return told | {"rows_a_batch": ROWS, "window": WINDOW, "sleep_seconds": SLEEP} | found


def _set(folder, count, side):
    """A data set of lone pictures in small shards. -> (shards, their bytes)."""
    pictures = [made.jpeg(side, seed) for seed in range(min(count, made.DIFFERENT))]
    rows = (Record(f"i{i}", pictures[i % len(pictures)], (), "s") for i in range(count))
    folder.mkdir()
    about = dict(name="n", licence="l", made_by="m", made_of={}, parameters={})
    written = records.write_splits(folder, {"images": rows}, SHARD_BYTES)
    shards = records.finish(folder, *written, **about)["splits"]["images"]["shards"]
    return len(shards), sum(shard["bytes"] for shard in shards)


def _count(served):
    """Bytes of each answer from now on, all of them slow."""
    asked = []

    def answer(size):
        asked.append(size)
        time.sleep(SLEEP)

    served.before_answer = answer
    return asked


def _child(served, given):
    command = [sys.executable, "-m", "benchmarks.data.slow_store", *map(str, given)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | served.environment, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def child(address, words, window, *given) -> dict:
    """What the process of its own does: reads batches, tells when they came."""
    from data_pipelines import engines, fetched
    from data_pipelines.streams import Streams

    shelf, gigabytes, side, batches = given
    fetched.keep(shelf, float(gigabytes))
    came, most, start = {}, 0, time.perf_counter()
    streams = Streams(
        address, {"images": ROWS}, seed=0, image_size=int(side), text_length=8, vocabulary=words,
        window=int(window),
    )  # fmt: skip
    for step, _ in engines.read(streams, 0):
        if step + 1 in (*MARKS, int(batches)):
            came[f"seconds_to_{step + 1}_batches"] = round(time.perf_counter() - start, 2)
        most = max(most, sum(_size(file) for file in pathlib.Path(shelf).iterdir()))
        if step + 1 == int(batches):
            break
    told = {"most_megabytes_on_disk": round(most / 1e6, 1), "peak_megabytes": peak_megabytes()}
    return came | told


def _size(file):
    try:
        return file.stat().st_size
    except FileNotFoundError:  # it made room just now
        return 0


if __name__ == "__main__":
    print(json.dumps(child(*sys.argv[1:])), flush=True)
    os._exit(0)  # nobody waits for what is still on its way
