"""How long a training waits for its data: the plain command, on JPEGs of 256 x 256."""

import pathlib
import re
import subprocess
import sys

from benchmarks.data import made, reading

ROOT = pathlib.Path(__file__).parents[2]
COUNT = 4000
ROWS = 8  # of a step
FLAGS = (
    "--config=configs/vq_tiny.py", f"--config.data.rows.images={ROWS}",
    "--config.evaluate.splits=", "--config.evaluate.scenes=", "--config.sample.every=0",
    "--config.save.every=1000000", "--config.optimizer.warmup_steps=1", "--config.log.seconds=2",
)  # fmt: skip
LINE = re.compile(r"step ([\d,]+)/.* ([\d,]+) rows/s  wait ([\d.]+) %")


def wait(folder, steps, side) -> dict:
    """Share of the time of steps in which the loop stands still for a batch, as the log tells it.

    Of the lines behind the first step, which compiling comes before, so that all is read by then.
    """
    reading.write(folder / "set", COUNT, side)
    flags = [
        *FLAGS, f"--config.data.image_size={side}", f"--config.train.steps={steps}",
        f"--config.data.path={folder / 'set'}", f"--workdir={folder / 'run'}",
        f"--config.data.vocabulary={made.words(folder / 'w.model')}", "--config.compile_cache=",
    ]  # fmt: skip
    command = [sys.executable, "-m", "itit_jax.main", *flags]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return told((folder / "run" / "log.txt").read_text()) | {
        "side": side, "rows_a_step": ROWS, "config": "configs/vq_tiny.py",
    }  # fmt: skip


def told(log) -> dict:
    """Means over the steps of its progress lines, and the worst line."""
    lines = [[float(text.replace(",", "")) for text in each] for each in LINE.findall(log)]
    before, total, waited = 1, 0.0, 0.0
    for step, rate, percent in lines[1:]:
        seconds = (step - before) * ROWS / rate
        before, total, waited = step, total + seconds, waited + percent * seconds
    return {
        "steps": int(before) - 1,
        "step_seconds": round(total / (before - 1), 4),
        "wait_percent": round(waited / total, 2),
        "worst_line_percent": max(percent for _, _, percent in lines[1:]),
    }
