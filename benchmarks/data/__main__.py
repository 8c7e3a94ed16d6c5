"""Building, opening and reading data sets: how fast, in what memory, after kills, and of damaged
sources.

python -m benchmarks.data --out=results/data.json
python -m benchmarks.data --only=reading,waiting --out=results/data.json    # the others stay
"""

import json
import pathlib
import shlex
import sys
import tempfile

from benchmarks.data import (
    building,
    harming,
    killing,
    made,
    mixing,
    planning,
    reading,
    starting,
    waiting,
)
from benchmarks.data import slow_store as slow
from benchmarks.study import commit, machine
from configs.commands import Argument, command
from configs.keys import Check
from itit_jax.evaluation import out_files

PARTS = {  # name: measure(folder, share)
    "speed": lambda folder, _: building.rate(folder, count=4000, side=256),
    "memory_of_few": lambda folder, share: building.memory(folder, _some(10_000, share)),
    "memory_of_many": lambda folder, share: building.memory(folder, _some(200_000, share)),
    "planning": lambda folder, share: planning.memory(folder, _some(12_000_000, share)),
    "start": lambda folder, _: starting.start(folder, count=10_000_000),
    "reading": lambda folder, _: reading.rate(folder, count=4800, side=256),
    "waiting": lambda folder, _: waiting.wait(folder, steps=40, side=256),
    "slow_store": lambda folder, _: slow.beside(folder, count=4800, side=256, batches=150),
    "mixing": lambda folder, _: mixing.beside(folder, pairs=6400, steps=400),
    "kills": lambda folder, _: killing.kills(folder, times=20, count=1500),
    "damaged": lambda folder, _: _damaged(folder, count=1000),
}
SHARE = Check(lambda share: 0 < share <= 1, "above 0 and at most 1")
NAMES = Check(
    lambda text: set(text.split(",")) <= {*PARTS, ""}, f"some of {', '.join(PARTS)}, with commas"
)
ARGUMENTS = {
    "--only": Argument("", "these parts; the others stay as --out has them", NAMES, form="PARTS"),
    "--share": Argument(1.0, "of the records that memory is measured with", SHARE, form="SHARE"),
    "--out": out_files.ARGUMENT,
}


@command("benchmarks.data", "data sets: speed, memory, kills, damaged sources", ARGUMENTS)
def main(options):
    """Prints each figure as it comes; exit code 1 if any kill or damage was not borne."""
    out_files.check(options.out)
    words = shlex.join(["python", "-m", "benchmarks.data", *sys.argv[1:]])
    stamp = {"device": machine(), "command": words, "commit": commit()}
    known, found = out_files.kept(options.out), {}
    for name in options.only.split(",") if options.only else PARTS:
        with tempfile.TemporaryDirectory() as folder:
            found[name] = PARTS[name](pathlib.Path(folder), options.share) | {"made": stamp}
        print(f"{name}: {json.dumps(found[name])}", flush=True)
        known |= found
        out_files.write(options.out, {name: known[name] for name in PARTS if name in known})
    return int(any(not borne(found[name]) for name, borne in BORNE.items() if name in found))


BORNE = {
    "kills": lambda found: found["equal_bytes"] == found["data_sets"],
    "damaged": lambda found: not found["silent"] + found["traceback"],
}


def _some(number, share):
    return max(1, round(number * share))


def _damaged(folder, count):
    kinds = harming.harmed(count, made.words(folder / "w.model"))
    total = {
        name: sum(kind["counts"][name] for kind in kinds.values())
        for name in ("right", "refused", "silent", "traceback")
    }
    return {"sources": count} | total | {"kinds": kinds}


if __name__ == "__main__":
    sys.exit(main())
