"""kill -9 of a builder at random moments, again and again, beside one that nobody killed."""

import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

from benchmarks.data import made

ROOT = pathlib.Path(__file__).parents[2]


def kills(folder, times, count, side=96) -> dict:
    """How often a builder was killed at work and what came out, beside one that nobody killed."""
    pattern, words = made.tars(folder / "tars", count, side), made.words(folder / "w.model")
    flags = ["--from=webdataset", f"--shards={pattern}", f"--vocabulary={words}", "--shard_size=1"]
    start = time.monotonic()
    _builder(flags, folder / "whole").wait()
    spent, draw = time.monotonic() - start, random.Random(0)
    killed, finished, equal = 0, 0, 0
    while killed < times:
        builder = _builder(flags, folder / "out")
        try:
            builder.wait(draw.uniform(0.1, 1) * spent)
        except subprocess.TimeoutExpired:
            builder.send_signal(signal.SIGKILL)
        killed += builder.wait() == -signal.SIGKILL
        if killed == times and not (folder / "out").exists():
            _builder(flags, folder / "out").wait()
        if (folder / "out").exists():
            finished += 1
            equal += _contents(folder / "out") == _contents(folder / "whole")
            shutil.rmtree(folder / "out")
    return {"records": count, "kills": killed, "data_sets": finished, "equal_bytes": equal,
            "shards": len(list((folder / "whole").glob("*.array_record")))}  # fmt: skip


def _builder(flags, out):
    command = [sys.executable, "-m", "data_pipelines.build", *flags, f"--out={out}"]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def _contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}
