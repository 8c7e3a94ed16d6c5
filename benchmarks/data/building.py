"""How fast building is beside a bare loop, and what memory it takes of few and of many records."""

import io
import os
import pathlib
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

ROOT = pathlib.Path(__file__).parents[2]


def rate(folder, count, side) -> dict:
    """Pictures a second of one core: of the builder, and of reading, decoding and writing alone.

    Seconds are those of all cores together, so that other work on the machine does not count.
    """
    pattern, words = made.tars(folder / "tars", count, side), made.words(folder / "w.model")
    paths = sorted((folder / "tars").glob("*.tar"))
    spent = {"bare": [], "builder": []}
    for turn in range(2):  # in turn, so that caches are warm for both
        flags = ["--from=webdataset", f"--shards={pattern}", f"--vocabulary={words}"]
        spent["bare"].append(_seconds(_bare, paths, folder / f"bare{turn}"))
        spent["builder"].append(_seconds(call, build.main, *flags, f"--out={folder}/out{turn}"))
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
    command = [
        sys.executable, "-m", "data_pipelines.build", "--from=webdataset", f"--shards={pattern}",
        f"--vocabulary={words}", f"--out={folder}/out", "--pairs=1000",
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, code, used = os.wait4(process.pid, 0)
    if code:
        raise RuntimeError(f"the builder ended with {code}")
    return {"records": count, "peak_megabytes": round(used.ru_maxrss / 1024, 1),
            "core_seconds": round(used.ru_utime + used.ru_stime, 1)}  # fmt: skip
