"""What studies share: commands that a user could type, run in order, with what they cost.

The same study again goes on where it was stopped: a command that came to its end is not run anew,
and each training resumes by itself.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import platform
import resource
import shlex
import statistics
import subprocess
import sys
import time

import jax

from data_pipelines.files import check_writable, whole
from itit_jax.evaluation import out_files

# XLA takes and gives back the memory of every step: results/demo_profile.md.
ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"} | os.environ


class Study:
    """Commands of a study in a folder of runs.

    Several studies may share the folder, also at the same time: what two of them need is run once.
    """

    def __init__(self, folder, commands, flag="--work"):
        """commands: (name, what a user would type) in order. flag: which gave the folder."""
        self.folder, self.flag = pathlib.Path(folder), flag
        self.commands = dict(commands)

    @property
    def finished(self):
        """Names of those that ended as they stand here."""
        return [name for name, words in self.commands.items() if self._kept(name)["ended"] == words]

    def spent(self, name=None):
        """{"wall", "core"}: seconds by the clock and of all cores (user and system), of one command
        or of all; an interrupted one has cost its first part too."""
        kept = [self._kept(each) for each in (self.commands if name is None else [name])]
        return {kind: sum(one[kind] for one in kept) for kind in ("wall", "core")}

    def tell(self, out, gather, page, plot=None):
        """Run, and after each command write what gather() finds. -> exit code."""
        out_files.check(f"{out}.json")
        return self.run(lambda: write(out, gather(), page, plot))

    def run(self, after=lambda: None):
        """Those that did not end yet; `after()` follows each. -> exit code."""
        check_writable(self.folder, self.flag, inside=True)
        for name, words in self.commands.items():
            with self._alone(name):
                if self._kept(name)["ended"] == words:
                    continue
                print(f"\n$ {shlex.join(words)}", flush=True)
                if code := self._spend(name, words):
                    print(f"exit code {code}; the same command goes on.", file=sys.stderr)
                    return code
            after()
        return 0

    def scores(self, name):
        """{split: scores} of the last evaluation of a run in the folder."""
        history = json.loads((self.folder / name / "eval.json").read_text())
        return history[max(history, key=int)]

    def made(self, module):
        """What stands beside every figure: cost, machine, command and commit."""
        spent = self.spent()
        return {
            "core_minutes": round(spent["core"] / 60, 1),
            "wall_minutes": round(spent["wall"] / 60, 1),
            "device": machine(),
            "command": shlex.join(["python", "-m", module, *sys.argv[1:]]),
            "commit": commit(),
        }

    def _spend(self, name, words):
        """Run it and write down what it took. -> exit code."""
        wall, core, code = time.time(), _children(), None
        try:
            code = subprocess.run([sys.executable, *words[1:]], env=ENVIRONMENT).returncode
            return code
        finally:
            kept = self._kept(name)
            if kept.get("of", words) != words:  # what another command of this name took is not its
                kept |= {"wall": 0.0, "core": 0.0}
            kept["wall"] += time.time() - wall
            kept["core"] += _children() - core
            kept |= {"ended": words if code == 0 else None, "of": words}
            with whole(self._file(name), "w") as file:
                json.dump(kept, file, indent=1)

    def _kept(self, name):
        file = self._file(name)
        nothing = {"ended": None, "wall": 0.0, "core": 0.0}
        return json.loads(file.read_text()) if file.exists() else nothing

    def _file(self, name):
        return self.folder / "commands" / f"{name}.json"

    @contextlib.contextmanager
    def _alone(self, name):
        """While another study runs this command, wait."""
        lock = self._file(name).with_suffix(".lock")
        lock.parent.mkdir(parents=True, exist_ok=True)
        with open(lock, "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def interval(scores, name):
    """[score, low, high]; None of what was not measured."""
    return [scores[f"{name}{end}"] for end in ("", "_low", "_high")] if name in scores else None


def shown(entry):
    """An interval in a table."""
    return "" if entry is None else "{:.2f} ({:.2f} to {:.2f})".format(*entry)


def over(runs):
    """[score, low, high] of [those of each run]: of several their mean, lowest and highest."""
    if len(runs) == 1:
        return runs[0]
    middles = [run[0] for run in runs]
    return [statistics.mean(middles), min(middles), max(middles)]


def number(value):
    """A number in a table; nothing where nothing was measured."""
    return "" if value is None else f"{value:.4g}"


def told(found):
    """The line of a page that says what its figures cost, and how they come again."""
    return (
        f"`{found['command']}` at {found['commit']}: {found['core_minutes']} core-minutes, "
        f"{found['wall_minutes']} minutes by the clock, {found['device']}."
    )


def write(out, found, page, plot=None):
    """OUT.json and OUT.md, and OUT.png where plot(file, found) draws one."""
    for end, text in ((".json", json.dumps(found, indent=1)), (".md", page(found))):
        with whole(f"{out}{end}", "w") as file:
            file.write(text + "\n")
    if plot:
        plot(f"{out}.png", found)


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
