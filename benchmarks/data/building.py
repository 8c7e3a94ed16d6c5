"""How fast building is beside a bare loop, and what memory it takes of few and of many records."""

import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import time

from array_record.python.array_record_module import ArrayRecordWriter
from PIL import Image

from benchmarks.data import made
from benchmarks.inputs.trial import call
from data_pipelines import build
from data_pipelines.example import Record, encode
from data_pipelines.shards import WRITE

TURNS = 3  # of which the fastest counts
ROOT = pathlib.Path(__file__).parents[2]


def rate(folder, count, side) -> dict:
    """Pictures a second of one core: of the builder, and of reading, decoding and writing alone.

    Both on one core, and by its own seconds, so that other work on the machine counts little.
    """
    pattern, words = made.tars(folder / "tars", count, side), made.words(folder / "w.model")
    paths = sorted((folder / "tars").glob("*.tar"))
    spent = {"bare": [], "builder": []}
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    for turn in range(TURNS):  # in turn, so that other work meets both alike
        flags = ["--from=webdataset", f"--shards={pattern}", f"--vocabulary={words}"]
        spent["bare"].append(_seconds(_bare, paths, folder / f"bare{turn}"))
        spent["builder"].append(_seconds(call, build.main, *flags, f"--out={folder}/out{turn}"))
    os.sched_setaffinity(0, cores)
    rates = {name: round(count / min(seconds), 1) for name, seconds in spent.items()}
    size = sum(path.stat().st_size for path in paths) // count
    told = {"pictures": count, "side": side, "bytes_an_example": size}
    return told | {f"{name}_a_core_second": value for name, value in rates.items()} | {
        "builder_over_bare": round(rates["builder"] / rates["bare"], 3)
    }  # fmt: skip


def _seconds(work, *given):
    start = time.process_time()
    work(*given)
    return time.process_time() - start


def _bare(paths, out):
    """Read every member of every tar, decode pictures, write records: no checks and no report."""
    writer = ArrayRecordWriter(str(out), WRITE)
    for path in paths:
        parts = {}
        with tarfile.open(path) as archive:
            for member in archive:
                parts[member.name.rpartition(".")[2]] = archive.extractfile(member).read()
                if len(parts) == 3:
                    Image.open(io.BytesIO(parts["jpg"])).convert("RGB").load()
                    writer.write(encode(Record("k", parts["jpg"], (parts["txt"].decode(),), "s")))
                    parts = {}
    writer.close()


def memory(folder, count, side=16) -> dict:
    """Peak memory of a builder in a process of its own."""
    pattern, words = made.tars(folder / "tars", count, side), made.words(folder / "w.model")
    flags = [
        "--from=webdataset",
        f"--shards={pattern}",
        f"--vocabulary={words}",
        "--pairs=1000",
        "--shard_size=4",
    ]  # or the small pictures would all lie in one shard
    command = [sys.executable, "-m", "benchmarks.data.building", *flags, f"--out={folder}/out"]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {"records": count} | json.loads(told.splitlines()[-1])


def peak_megabytes() -> float:
    """Of this process since its program began; ru_maxrss would count its parent's too."""
    status = pathlib.Path("/proc/self/status").read_text(encoding="utf-8")
    return round(int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024, 1)


if __name__ == "__main__":
    if build.main(sys.argv[1:]):
        sys.exit(1)
    spent = round(time.process_time(), 1)
    print(json.dumps({"peak_megabytes": peak_megabytes(), "core_seconds": spent}))
