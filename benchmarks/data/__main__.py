"""Building and opening data sets: how fast, in what memory, after kills, and of damaged sources.

python -m benchmarks.data --out=results/data.json
"""

import functools
import json
import pathlib
import shlex
import sys
import tempfile

from benchmarks.data import building, harming, killing, made, starting
from benchmarks.study import commit, machine
from configs.commands import Argument, command
from configs.keys import Check
from itit_jax.evaluation import out_files

SHARE = Check(lambda share: 0 < share <= 1, "above 0 and at most 1")
ARGUMENTS = {
    "--share": Argument(1.0, "of the records that memory is measured with", SHARE, form="SHARE"),
    "--out": out_files.ARGUMENT,
}


@command("benchmarks.data", "building: speed, memory, kills, damaged sources; opening", ARGUMENTS)
def main(options):
    """Prints each figure as it comes; exit code 1 if any kill or damage was not borne."""
    out_files.check(options.out)
    some = lambda number: max(1, round(number * options.share))
    measures = {
        "speed": functools.partial(building.rate, count=4000, side=256),
        "memory_of_few": functools.partial(building.memory, count=some(10_000)),
        "memory_of_many": functools.partial(building.memory, count=some(200_000)),
        "start": functools.partial(starting.start, count=10_000_000),
        "kills": functools.partial(killing.kills, times=20, count=1500),
        "damaged": functools.partial(_damaged, count=1000),
    }
    found = {}
    for name, measure in measures.items():
        with tempfile.TemporaryDirectory() as folder:
            found[name] = measure(pathlib.Path(folder))
        print(f"{name}: {json.dumps(found[name])}", flush=True)
    command = shlex.join(["python", "-m", "benchmarks.data", *sys.argv[1:]])
    out_files.write(
        options.out, found | {"device": machine(), "command": command, "commit": commit()}
    )
    borne = found["kills"]["equal_bytes"] == found["kills"]["data_sets"]
    return int(not borne or found["damaged"]["silent"] + found["damaged"]["traceback"] > 0)


def _damaged(folder, count):
    kinds = harming.harmed(count, made.words(folder / "w.model"))
    total = {
        name: sum(kind["counts"][name] for kind in kinds.values())
        for name in ("right", "refused", "silent", "traceback")
    }
    return {"sources": count} | total | {"kinds": kinds}


if __name__ == "__main__":
    sys.exit(main())
