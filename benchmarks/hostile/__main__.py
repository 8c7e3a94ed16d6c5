"""Throws hostile and damaged weight files at the readers, and counts what becomes of the process.

python -m benchmarks.hostile --seed=0 --out=results/hostile.json

A file is read as `itit_jax.weights.convert` reads it, in a process of its own that is forked from
this one, with a limit of time and of memory.
"""

import collections
import functools
import pathlib
import sys
import tempfile
import time

import numpy as np

from benchmarks.hostile import child, damaged, pickles, tables
from configs.commands import Argument, command
from configs.keys import at_least
from itit_jax.evaluation import out_files

EVERY = 5.0  # seconds between two lines of progress
ARGUMENTS = {
    "--seed": Argument(0, "of all files", at_least(0), form="N"),
    "--count": Argument(1000, "files", at_least(1), form="N"),
    "--only": Argument("", "kinds whose name holds this", form="TEXT"),
    "--out": out_files.ARGUMENT,
}


def _crafted(maker, folder, rng):
    return maker(folder, rng), None


# Kind: (folder, rng) -> (file or folder, what it holds if it is taken, or None: nothing may be).
KINDS = {
    f"{door.__name__.rpartition('.')[2]}: {maker.__name__}": functools.partial(_crafted, maker)
    for door in (pickles, tables)
    for maker in door.KINDS
} | {
    f"damaged: {container}": functools.partial(damaged.damage, container=container)
    for container in damaged.WRITERS
}


@command("benchmarks.hostile", "throw hostile and damaged weight files at the readers", ARGUMENTS)
def main(options):
    """Prints the table; exit code 1 if anything but a sentence or the right numbers came."""
    out_files.check(options.out)
    names = [name for name in KINDS if options.only in name]
    warm()
    found = tried(names, options.count, options.seed)
    show(found)
    total = collections.Counter()
    for entry in found.values():
        total.update(entry["counts"])
    table = {"seed": options.seed, "count": options.count, "limits": {
        "seconds": child.SECONDS, "bytes": child.BYTES}, "told": child.TOLD,
        "total": {name: total[name] for name in child.TOLD}, "kinds": found}  # fmt: skip
    out_files.write(options.out, table)
    return int(any(total[name] for name in child.BAD))


def warm():
    """Sound files of every container, so that what reading them loads is there before a fork.

    They must be read as they were written, or nothing that follows says anything.
    """
    for container in damaged.WRITERS:
        with tempfile.TemporaryDirectory() as name:
            path, truth = damaged.sound(pathlib.Path(name), np.random.default_rng(0), container)
            # tensorstore allows no fork once it was used.
            outcome = (child.judge if container == "t5x" else child.read)(path, truth)
            assert outcome[0] == "right", (container, outcome)


def tried(names, count, seed):
    """{kind: {"counts": {outcome: n}, "first": {outcome: text}}}."""
    found, shown = {}, time.monotonic()
    for number in range(count):
        name = names[number % len(names)]
        with tempfile.TemporaryDirectory() as place:
            folder = pathlib.Path(place) / "weights"
            folder.mkdir()
            path, truth = KINDS[name](folder, np.random.default_rng((seed, number)))
            outcome, text = child.judge(path, truth)
        entry = found.setdefault(name, {"counts": collections.Counter(), "first": {}})
        entry["counts"][outcome] += 1
        entry["first"].setdefault(outcome, f"#{number} {text.replace(place, '')}"[:400])
        if time.monotonic() - shown > EVERY:
            shown = time.monotonic()
            print(f"{number + 1:,} of {count:,}", file=sys.stderr, flush=True)
    return dict(sorted(found.items()))


def show(found):
    """A line a kind, and the sum."""
    names = (*child.GOOD, *child.BAD)
    print(f"{'':28}" + "".join(f"{name:>10}" for name in ("files", *names)))
    total = collections.Counter()
    for kind, entry in found.items():
        total.update(entry["counts"])
        print(_line(kind, entry["counts"], names))
    print(_line("all", total, names))


def _line(kind, counts, names):
    numbers = (sum(counts.values()), *(counts[name] for name in names))
    return f"{kind:28}" + "".join(f"{number:>10,}" for number in numbers)


if __name__ == "__main__":
    sys.exit(main())
