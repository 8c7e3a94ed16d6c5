"""Stand-ins for what launchers call: they write down what they were given, as words and input."""

import json
import os
import pathlib
import sys
from typing import NamedTuple

from launch import gke, local, skypilot, slurm, start, tpu, xpk

TARGETS = {"tpu": tpu, "gke": gke, "xpk": xpk, "skypilot": skypilot, "slurm": slurm, "local": local}
# What each needs beside config and workdir.
FLAGS = {
    "tpu": ["--accelerator=v5litepod-256", "--zone=us-west4-a", "--project=p"],
    "gke": ["--accelerator=v5litepod-256", "--image=registry.io/p/itit_jax:1"],
    "xpk": ["--accelerator=v5litepod-256", "--image=registry.io/p/itit_jax:1", "--cluster=c"],
    "skypilot": ["--accelerator=tpu-v6e-8"],
    "slurm": ["--accelerator=h100:8"],
    "local": ["--processes=2", "--devices=2"],
}
BASE = ["--config=configs/itit_large.py", "--workdir=gs://bucket/itit_large"]
HOSTILE = [
    "a b", "it's", 'say "x"', "$HOME", "$(touch pwned)", "`touch pwned`", "a\nb", "\nEND\n", "a\\b",
    "é😀", "@NAME@", "$$x", "$(HOME)", "a;b&c|d>e", "then;", "*", "~", "{x}", "#c", "%s", "\t",
    "!x", "\\n", "'", "- a: b", "END", "\x7f", "", "--",
]  # fmt: skip
RECORD = """#!{python}
import json, os, sys
given = sys.stdin.read()
if os.path.isfile(sys.argv[-1]) and len(sys.argv) > 1:
    given = open(sys.argv.pop()).read()
with open({log!r}, "a") as file:
    file.write(json.dumps([os.path.basename(sys.argv[0]), sys.argv[1:], given]) + "\\n")
sys.exit({code})
"""


def job(name, *more, arguments=None):
    """The Job of a target, whose settings nobody checked."""
    options = start.parse([*BASE, *FLAGS[name], *more], options_of(name))
    given = start.arguments_of(TARGETS[name].TARGET, options) if arguments is None else arguments
    return start.Job("itit-large", tuple(given), options)


def options_of(name):
    """Flags that a target takes."""
    return (*start.EVERYWHERE, *TARGETS[name].TARGET.takes)


def hostile_arguments():
    """What itit_jax.main might be told by somebody who means harm, or just writes so."""
    return tuple(f"--config.key{place}={value}" for place, value in enumerate(HOSTILE))


class Call(NamedTuple):
    """One call of a stand-in."""

    tool: str
    words: list[str]
    given: str  # on its standard input, or in the file that it was told last


class Tools:
    """A folder of stand-ins that is all of PATH in front."""

    def __init__(self, folder):
        self.folder, self.log = pathlib.Path(folder), pathlib.Path(folder, "log.jsonl")
        self.folder.mkdir(exist_ok=True)

    def add(self, *names, code=0):
        """Stand-ins that record what they are called with."""
        for name in names:
            text = RECORD.format(python=sys.executable, log=str(self.log), code=code)
            self.write(name, text)

    def write(self, name, text):
        """A stand-in of one's own."""
        file = self.folder / name
        file.write_text(text)
        file.chmod(0o755)

    @property
    def environment(self):
        """Variables in which they are found first."""
        return os.environ | {"PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}"}

    def calls(self):
        """Every Call, in order."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [Call(*json.loads(line)) for line in lines]
