"""Speed beside the peers of the field: each side loads its network of random weights in a process
of its own, and then they are asked in turn, so that other work on the machine meets all alike.

python -m benchmarks.versus --peers=.venv-versus/bin/python --out=results/versus.json

Width, layers, tokens, codes, words and rounds are equal; float32; text features are given, and
tokenizing and decoding pictures are left out. Rows of the file that are not asked for again stay.
"""

import collections
import contextlib
import json
import pathlib
import shlex
import sys

from benchmarks.study import ENVIRONMENT, commit, machine
from benchmarks.versus.turns import Side, against, in_turn, told
from configs.commands import Argument, command
from configs.keys import at_least, one_of
from data_pipelines.errors import UserError
from itit_jax.evaluation import out_files

ROOT = pathlib.Path(__file__).parent.parent.parent
SHARED = dict(words=64, features=768, vocabulary=32128, caption=32, rounds=12)
SIZES = {
    "tiny": dict(width=256, layers=4, heads=4, side=8, codes=1024) | SHARED,
    "small": dict(width=512, layers=8, heads=8, side=16, codes=8192) | SHARED,
}
# What is done: functions of `ours`, and those of the module of its peers.
CONTESTS = {
    "drawing": (("draw_all", "draw"), ("uvit2d", "muse")),
    "captioning": (("caption",), ("git", "blip")),
    "encoding": (("encode",), ("t5",)),
    "training": (("train_all", "train"), ("plain", "muse", "uvit2d")),
}

ARGUMENTS = {
    "--peers": Argument("", "the Python that has them; `make versus` makes one", form="FILE",
                        needed=True),
    "--only": Argument((), "a contest, often; all of them", one_of(*CONTESTS), form="NAME",
                       many=True),
    "--size": Argument("tiny", "of the networks", one_of(*SIZES), form="NAME"),
    "--batch": Argument(1, "pictures or texts of a call", at_least(1), form="N"),
    "--threads": Argument(1, "cores of each side", at_least(1), form="N"),
    "--times": Argument(5, "turns", at_least(1), form="N"),
    "--out": Argument("", "JSON file of it", form="FILE"),
}  # fmt: skip


@command("benchmarks.versus", "speed beside peers of equal size, asked in turn", ARGUMENTS)
def main(options):
    """Prints a line for each pair, and the file holds all seconds."""
    out_files.check(options.out)
    if not pathlib.Path(options.peers).exists():
        raise UserError(f"--peers={options.peers} does not exist; `make versus` makes one.")
    found = {"device": machine(), "contests": out_files.kept(options.out).get("contests", {})}
    for contest in options.only or CONTESTS:
        row = held(contest, options)
        found["contests"][row.pop("name")] = row
        out_files.write(options.out, found)


def held(contest, options):
    """One contest: seconds of all sides, and how each of ours stands against each peer."""
    sizes = f"{options.size}, batch {options.batch}, threads {options.threads}"
    ours, peers = CONTESTS[contest]
    with contextlib.ExitStack() as stack:
        sides = []
        for name in (*ours, *peers):
            sides.append(started(contest, name, options))
            stack.callback(sides[-1].close)
        answers = in_turn(sides, options.times)
    row = {
        "name": f"{contest}, {sizes}",
        "ratios": collections.defaultdict(dict),
        "sides": {side.name: side.about | told(answers[side.name], options.batch)
                  for side in sides},
        "command": shlex.join(["python", "-m", "benchmarks.versus", *sys.argv[1:]]),
        "commit": commit(),
    }  # fmt: skip
    for mine in ours:
        for peer in peers:
            ratio = row["ratios"][mine][peer] = against(answers[mine], answers[peer])
            print(f"{row['name']}: {mine} against {peer}: {shown(ratio)}", flush=True)
    return row


def started(contest, name, options):
    """The side, ready to be asked."""
    mine = name in CONTESTS[contest][0]
    python = sys.executable if mine else options.peers
    module = "benchmarks.versus.ours" if mine else f"benchmarks.versus.peers.{contest}"
    setting = {"size": SIZES[options.size], "batch": options.batch, "threads": options.threads}
    words = [python, "-m", "benchmarks.versus.child", module, name, json.dumps(setting)]
    return Side(name, words, ENVIRONMENT | {"PYTHONPATH": str(ROOT)})


def shown(ratio):
    return "{ratio:.2f}x ({lowest:.2f} to {highest:.2f})".format(**ratio)


if __name__ == "__main__":
    sys.exit(main())
