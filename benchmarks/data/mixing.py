"""Whether rows that are mixed in windows of shards train as well as rows in uniform order.

The classifier of scenes learns from the same pairs and is scored on the same test: in shards as
they were drawn, and in shards of pairs sorted by their captions, the worst that shards can be.
"""

import json
import pathlib
import subprocess
import sys

import numpy as np

from benchmarks.inputs.trial import call
from data_pipelines import build, order, records
from data_pipelines.words.find import open_words

ROOT = pathlib.Path(__file__).parents[2]
SEEDS = (0, 1, 2)
SHARDS, WINDOW = 32, 4
ROWS = 64  # of a step of configs/classifier_tiny.py
ORDERS = {  # name: (data set, data.window)
    "uniform": ("drawn", 0),
    "windowed": ("drawn", WINDOW),
    "windowed_of_sorted": ("sorted", WINDOW),
}


def beside(folder, pairs, steps) -> dict:
    """F1 on the test by each order and seed, and how far the orders are from uniform."""
    scenes = folder / "scenes"
    call(build.main, "--from=scenes", f"--pairs={pairs}", f"--out={scenes}")
    every = list(records.Records(scenes, "pairs"))
    shards = {
        "drawn": _shards(folder / "drawn", scenes, every),
        "sorted": _shards(folder / "sorted", scenes, sorted(every, key=lambda r: r.texts)),
    }
    told = {"pairs": pairs, "steps": steps, "rows_a_step": ROWS, "seeds": len(SEEDS)}
    told |= {"shards": len(shards["drawn"]), "window": WINDOW}
    for name, (data, window) in ORDERS.items():
        scores = [_trained(folder, name, data, window, seed, steps) for seed in SEEDS]
        told[name] = {
            "f1": scores, "f1_mean": round(float(np.mean(scores)), 4),
            **mixed(shards[data], window, ROWS),
        }  # fmt: skip
    return told


def _shards(folder, scenes, pairs):
    """A data set of these pairs in many shards, with the test of the scenes. -> rows of each."""
    folder.mkdir()
    bytes_of_all = records.Records(scenes, "pairs").bytes
    written, facts = records.write_splits(folder, {"pairs": pairs}, bytes_of_all // SHARDS)
    test, _ = records.write_splits(folder, {"test": records.Records(scenes, "test")})
    about = dict(name="n", licence="l", made_by="m", made_of={}, parameters={})
    records.finish(folder, written | test, facts, open_words(scenes).files(), **about)
    return records.Records(folder, "pairs").shards


def _trained(folder, name, data, window, seed, steps):
    run = folder / f"{name}{seed}"
    command = [
        sys.executable, "-m", "itit_jax.main", "--config=configs/classifier_tiny.py",
        f"--workdir={run}", f"--config.data.path={folder / data}", f"--config.seed={seed}",
        f"--config.data.window={window}", f"--config.train.steps={steps}",
        f"--config.data.rows.caption={ROWS}", "--config.save.every=1000000",
    ]  # fmt: skip
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    scores = json.loads((run / "eval.json").read_text())
    return round(scores[str(steps)]["test"]["f1"], 4)


def mixed(shards, window, rows) -> dict:
    """How far an epoch is from uniform, where records that follow each other on disk are `apart` as
    far as by chance (1), and a batch has rows of as many shards."""
    count, seed = sum(shards), 0
    every = np.arange(count)
    uniform = order.permuted(every, count, seed)
    found = order.windowed(every, shards, window, seed) if window else uniform
    of = np.repeat(np.arange(len(shards)), shards)[found]
    batches = of[: count // rows * rows].reshape(-1, rows)
    return {
        "apart": round(float(np.abs(np.diff(np.argsort(found))).mean() / ((count + 1) / 3)), 3),
        "shards_a_batch": round(float(np.mean([len(np.unique(batch)) for batch in batches])), 1),
    }
