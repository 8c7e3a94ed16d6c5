"""What memory splits, duplicates and unpairing of millions of examples are planned in.

Their rows are made, as if a source had been looked at.
"""

import json
import pathlib
import subprocess
import sys
import time
import types

import numpy as np

from benchmarks.data.building import peak_megabytes
from data_pipelines import plan, scan

ROOT = pathlib.Path(__file__).parents[2]
TOGETHER = 10**6  # rows that are made at once
OPTIONS = types.SimpleNamespace(
    validation=0.001, test=0.001, pairs=10**6, unpair=True, drop_duplicates=True
)


def memory(folder, count) -> dict:
    """Peak memory and core seconds of a plan, in a process of its own."""
    file, random = folder / "rows", np.random.default_rng(0)
    with open(file, "wb") as out:
        for first in range(0, count, TOGETHER):
            rows = np.zeros(min(TOGETHER, count - first), scan.ROW)
            for name in ("key", "pixels"):
                rows[name] = random.integers(1, 2**64, len(rows), dtype=np.uint64)
            rows["image"], rows["texts"], rows["words"] = 50_000, 1, 60
            out.write(rows.tobytes())
    command = [sys.executable, "-m", "benchmarks.data.planning", str(file)]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {"records": count} | json.loads(told)


def child(file):
    """What the process of its own does, behind its imports: plans, and tells."""
    before, core = peak_megabytes(), time.process_time()
    rows = scan.Rows(file)
    found = plan.make(rows, OPTIONS)
    for split in found.splits():
        plan.cuts(found, split, rows, 200 * 10**6)
    spent = round(time.process_time() - core, 1)
    told = {"imports_megabytes": before, "peak_megabytes": peak_megabytes(), "core_seconds": spent}
    print(json.dumps(told | {"splits": found.splits()}))


if __name__ == "__main__":
    child(sys.argv[1])
