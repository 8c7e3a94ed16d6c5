"""Throws odd inputs at building, scoring, asking and settings, and counts what becomes of them.

python -m benchmarks.inputs --seed=0 --count=10000 --out=results/inputs.json

The generator makes sound inputs, then one thing about each is made odd, so that it knows what is
meant. JSON of the counts by kind, and the first finding of each kind, go to --out.
"""

import collections
import functools
import pathlib
import sys
import tempfile
import time
import warnings

import numpy as np

from benchmarks.inputs import asked, building, photos, scoring, settings
from benchmarks.inputs.trial import OUTCOMES, TOLD, run
from configs.commands import Argument, command
from configs.keys import at_least
from data_pipelines.words.train import train_pieces
from itit_jax.evaluation import out_files

EVERY = 5.0  # seconds between two lines of progress
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
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        doors = open_doors(folder)
        found = tried(doors, options, folder / "trial")
    show(found)
    table = {"seed": options.seed, "count": options.count, "told": TOLD, "kinds": found}
    out_files.write(options.out, table)
    bad = [entry["counts"][name] for entry in found.values() for name in ("silent", "traceback")]
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


def tried(doors, options, folder):
    """{"door: kind": {"counts": {outcome: n}, "first": {outcome: text}}}."""
    found, shown = {}, time.monotonic()
    warnings.simplefilter("ignore")
    for number in range(options.count):
        rng = np.random.default_rng((options.seed, number))
        door = list(doors)[number % len(doors)]
        trial = doors[door](rng)
        kind = f"{door}: {trial.kind}"
        if options.only not in kind:
            continue
        with tempfile.TemporaryDirectory(dir=folder.parent) as place:
            outcome, text = run(trial, pathlib.Path(place))
        entry = found.setdefault(kind, {"counts": collections.Counter(), "first": {}})
        entry["counts"][outcome] += 1
        entry["first"].setdefault(outcome, f"#{number} {text[-1500:]}")
        if time.monotonic() - shown > EVERY:
            shown = time.monotonic()
            print(f"{number + 1:,} of {options.count:,}", file=sys.stderr, flush=True)
    return dict(sorted(found.items()))


def show(found):
    """A line a kind, and the sum."""
    print(f"{'':44}" + "".join(f"{name:>10}" for name in ("tried", *OUTCOMES)))
    total = collections.Counter()
    for kind, entry in found.items():
        total.update(entry["counts"])
        print(_line(kind, entry["counts"]))
    print(_line("all", total))


def _line(name, counts):
    numbers = (sum(counts.values()), *(counts[outcome] for outcome in OUTCOMES))
    return f"{name:44}" + "".join(f"{number:>10,}" for number in numbers)


if __name__ == "__main__":
    sys.exit(main())
