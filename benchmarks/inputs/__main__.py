"""Throws odd inputs at building, scoring, asking and settings, and counts what becomes of them.

python -m benchmarks.inputs --seed=0 --count=10000 --out=results/inputs.json

The generator makes sound inputs, then one thing about each is made odd, so that it knows what is
meant. JSON of the counts by kind, and the first finding of each kind, go to --out; the same command
goes on where it was stopped.
"""

import collections
import functools
import json
import pathlib
import sys
import tempfile
import time
import warnings

import numpy as np

from benchmarks.inputs import asked, building, photos, scoring, settings
from benchmarks.inputs.trial import OUTCOMES, TOLD, run
from benchmarks.study import commit, machine
from configs.commands import Argument, command
from configs.keys import at_least
from data_pipelines.words.train import train_pieces
from itit_jax.evaluation import out_files

EVERY = 5.0  # seconds between two lines of progress
BAD = ("silent", "traceback")
ASKED = ("seed", "count", "only")  # what makes a command the same
ARGUMENTS = {
    "--seed": Argument(0, "of everything odd", at_least(0), form="N"),
    "--count": Argument(10_000, "inputs", at_least(1), form="N"),
    "--only": Argument("", "kinds whose name holds this", form="TEXT"),
    "--out": out_files.ARGUMENT,
}


@command("benchmarks.inputs", "throw odd inputs at every door", ARGUMENTS)
def main(options):
    """Prints the table; exit code 1 if anything is silent or a traceback."""
    out_files.check(options.out)
    warnings.simplefilter("ignore")
    done, found = so_far(options)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        doors = open_doors(folder) if done < options.count else {}
        shown = time.monotonic()
        for number in range(done, options.count):
            count(found, number, *tried(doors, options, folder, number))
            if time.monotonic() - shown > EVERY or number + 1 == options.count:
                shown = time.monotonic()
                print(f"{number + 1:,} of {options.count:,}", file=sys.stderr, flush=True)
                keep(options, number + 1, found)
    show(found)
    bad = (entry["counts"].get(name) for entry in found.values() for name in BAD)
    return int(any(bad))


def open_doors(folder):
    """{door: function of rng -> Trial}."""
    words = folder / "words.model"
    words.write_bytes(train_pieces(["a red dog of nobody says it is x y"] * 9, 64))
    return {
        "build": functools.partial(building.trial, words=words),
        "pictures": functools.partial(photos.trial, words=words),
        "score": scoring.trial,
        "ask": functools.partial(asked.trial, session=small_session(folder)),
        "settings": settings.trial,
    }


def small_session(folder):
    """A run of two steps on a few pictures, ready to be asked."""
    from benchmarks.inputs.small import small_run
    from itit_jax.serve.session import Session

    return Session(small_run(folder))


def so_far(options):
    """(inputs that were tried, what was found) by the same command before."""
    file = pathlib.Path(options.out)
    if not options.out or not file.exists():
        return 0, {}
    table = json.loads(file.read_text())
    same = all(table.get(key) == getattr(options, key) for key in ASKED)
    return (table["done"], table["kinds"]) if same else (0, {})


def keep(options, done, found):
    """Into --out."""
    asked = {key: getattr(options, key) for key in ASKED}
    made = {"told": TOLD, "device": machine(), "commit": commit()}
    table = asked | {"done": done} | made | {"kinds": dict(sorted(found.items()))}
    out_files.write(options.out, table)


def tried(doors, options, folder, number):
    """(kind, outcome, text) of one input; the kind alone where --only leaves it out."""
    rng = np.random.default_rng((options.seed, number))
    door = list(doors)[number % len(doors)]
    trial = doors[door](rng)
    kind = f"{door}: {trial.kind}"
    if options.only not in kind:
        return (kind,)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        outcome, text = run(trial, pathlib.Path(place))
    return kind, outcome, text.replace(f"{place}/", "")  # which says nothing afterwards


def count(found, number, kind, outcome="", text=""):
    """Puts it into {"door: kind": {"counts": {outcome: n}, "first": {outcome: text}}}."""
    if outcome:
        entry = found.setdefault(kind, {"counts": {}, "first": {}})
        entry["counts"][outcome] = entry["counts"].get(outcome, 0) + 1
        entry["first"].setdefault(outcome, f"#{number} {text[-1500:]}")


def show(found):
    """A line a kind, and the sum."""
    print(f"{'':44}" + "".join(f"{name:>10}" for name in ("tried", *OUTCOMES)))
    total = collections.Counter()
    for kind, entry in sorted(found.items()):
        total.update(entry["counts"])
        print(_line(kind, entry["counts"]))
    print(_line("all", total))


def _line(name, counts):
    numbers = (sum(counts.values()), *(counts.get(outcome, 0) for outcome in OUTCOMES))
    return f"{name:44}" + "".join(f"{number:>10,}" for number in numbers)


if __name__ == "__main__":
    sys.exit(main())
