"""What studies share: commands that a user could type, run in order, with what they cost.

The same study again goes on where it was stopped: a command that came to its end is not run anew,
and each training resumes by itself.
"""

import contextlib
import json
import os
import pathlib
import platform
import resource
import shlex
import subprocess
import sys
import time

import jax

from data_pipelines.files import whole

# XLA takes and gives back the memory of every step: results/demo_profile.md.
ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"} | os.environ


class Study:
    """A folder of runs, and the commands that came to their end there."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.spent = Spent(self.folder / "spent.json")

    @property
    def finished(self):
        """{name: words} of these commands."""
        file = self.folder / "finished.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def run(self, commands, after=lambda: None):
        """Of (name, words) those that did not end as they stand; `after()` follows each.
        -> exit code."""
        for name, words in commands:
            if self.finished.get(name) == words:
                continue
            print(f"\n$ {shlex.join(words)}", flush=True)
            with self.spent.on(name):
                code = subprocess.run([sys.executable, *words[1:]], env=ENVIRONMENT).returncode
            if code:
                print(f"stopped with exit code {code}; the same command goes on.", file=sys.stderr)
                return code
            with whole(self.folder / "finished.json", "w") as file:
                json.dump(self.finished | {name: words}, file, indent=1)
            after()
        return 0

    def scores(self, name):
        """{split: scores} of the last evaluation of a run in the folder."""
        history = json.loads((self.folder / name / "eval.json").read_text())
        return history[max(history, key=int)]

    def made(self, module):
        """What stands beside every figure: cost, machine, command and commit."""
        return {
            "core_minutes": round(self.spent.total("core") / 60, 1),
            "wall_minutes": round(self.spent.total("wall") / 60, 1),
            "device": machine(),
            "command": shlex.join(["python", "-m", module, *sys.argv[1:]]),
            "commit": commit(),
        }


class Spent:
    """Seconds of each command: by the clock, and of all cores together (user and system).

    They are kept in a file: an interrupted study has cost its first part too.
    """

    def __init__(self, file):
        self.file = file
        self.parts = json.loads(file.read_text()) if file.exists() else {}

    @contextlib.contextmanager
    def on(self, name):
        """Around a command."""
        wall, core = time.time(), _children()
        try:
            yield
        finally:
            part = self.parts.setdefault(name, {"wall": 0.0, "core": 0.0})
            part["wall"] += time.time() - wall
            part["core"] += _children() - core
            self.file.write_text(json.dumps(self.parts, indent=1))

    def total(self, kind):
        """Seconds of all commands."""
        return sum(part[kind] for part in self.parts.values())


def _children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def interval(scores, name):
    """[score, low, high]; None of what was not measured."""
    return [scores[f"{name}{end}"] for end in ("", "_low", "_high")] if name in scores else None


def shown(entry):
    """An interval in a table."""
    return "" if entry is None else "{:.2f} ({:.2f} to {:.2f})".format(*entry)


def told(found):
    """The line of a page that says what its figures cost, and how they come again."""
    return (
        f"`{found['command']}` at {found['commit']}: {found['core_minutes']} core-minutes, "
        f"{found['wall_minutes']} minutes by the clock, {found['device']}."
    )


def write(out, found, page):
    """OUT.json and OUT.md."""
    for end, text in ((".json", json.dumps(found, indent=1)), (".md", page(found))):
        with whole(f"{out}{end}", "w") as file:
            file.write(text + "\n")


def machine():
    """Cores and model of the processor, and the accelerators where there are any."""
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    name = models[0] if models else platform.processor() or platform.machine()
    devices = jax.devices()
    others = "" if devices[0].platform == "cpu" else f", {len(devices)} {devices[0].device_kind}"
    return f"{os.cpu_count()} cores of {name}{others}"


def commit():
    """Short name of the checked-out commit, "+" behind it if files differ; "" without."""
    git = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        return subprocess.run(git, capture_output=True, text=True).stdout.strip()
    except OSError:  # no git here
        return ""
