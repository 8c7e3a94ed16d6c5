"""Runs that differ in a few settings: listed, checked before the first of them, run in turn.

A sweep is a Python file with get_sweep(), a list of {key: value}, each a run of its own in
WORKDIR/NAME. "name" in it names the run; else its settings do.

    def get_sweep():
        return [{"cycle.mode": mode, "seed": seed} for mode in ("none", "full") for seed in (0, 1)]
"""

import contextlib
import re
import shlex
import signal
import subprocess
import sys
from typing import Any, NamedTuple

from itit_jax import config as settings
from itit_jax.config import ConfigError
from itit_jax.config_files import executed, find_sweep
from itit_jax.workdir import Workdir

NAME = "name"
STOPPED = 42
PLAIN = r"[A-Za-z0-9][\w.=+,-]*"  # what a run may be called, since it is a folder


class Member(NamedTuple):
    """One run: where, with which settings on top of the others, and the config they make."""

    name: str
    workdir: str
    overrides: tuple[str, ...]  # KEY=VALUE
    config: Any

    def is_done(self):
        """Whether its last step is saved and scored."""
        run, steps = Workdir(self.workdir), self.config.train.steps
        if not run.is_run() or str(steps) not in {path.name for path in run.checkpoints.glob("*")}:
            return False
        return not self.config.evaluate.splits or str(steps) in run.scores()


def members(path, config, workdir):
    """Every Member of a sweep file, checked."""
    rows = executed(find_sweep(path), "get_sweep", list, "a list of {key: value}")
    if not rows:
        raise ConfigError(f"{path} lists no runs; give get_sweep() some.")
    found = {}
    for place, row in enumerate(rows):
        origin = f"{path}, run {place}"
        if not isinstance(row, dict) or not all(isinstance(key, str) for key in row):
            raise ConfigError(f"{origin}: {row!r} is no {{key: value}}; write a dict of settings.")
        overrides = tuple(f"{key}={typed(value)}" for key, value in row.items() if key != NAME)
        name = named(row, origin)
        if name in found:
            raise ConfigError(f'{origin} is called {name}, as one before; give it another "name".')
        try:
            changed = settings.change(config, overrides=overrides)
        except ConfigError as error:
            raise ConfigError(f"{origin} ({name}): {error}") from None
        found[name] = Member(name, f"{workdir.rstrip('/')}/{name}", overrides, changed)
    return list(found.values())


def named(row, origin):
    """What a run is called: its "name", or the last parts of its keys with their values."""
    words = (f"{key.rpartition('.')[2]}={typed(value)}" for key, value in row.items())
    name = row.get(NAME, re.sub(r"[^\w.=+-]+", "-", ",".join(words).replace(" ", "")) or "plain")
    if not isinstance(name, str) or not re.fullmatch(PLAIN, name) or len(name) > 100:
        raise ConfigError(
            f'{origin} is called {name!r}; give it a "name" of letters, digits and = . _ - , up to '
            "100 of them."
        )
    return name


def typed(value):
    """A value as it is typed behind the `=` of a flag."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def run(found, command):
    """Every run that is not done, in turn; command(member) -> what to type for it. Exit code: 42
    where it was stopped, else that of the first run that failed."""
    codes = []
    for place, member in enumerate(found, start=1):
        where = f"run {place} of {len(found)}, {member.name}"
        if member.is_done():
            print(f"{where}: is done", flush=True)
            continue
        print(f"{where}: {shlex.join(command(member))}", flush=True)
        code = _to_its_end([sys.executable, *command(member)[1:]])
        if code == STOPPED:
            print(f"{where}: stopped; the same command goes on", flush=True)
            return STOPPED
        if code:
            print(f"{where}: ended with exit code {code}; the others go on", flush=True)
        codes.append(code)
    return next((code for code in codes if code), 0)


def _to_its_end(words):
    """Exit code of a command that is told what this process is told."""
    told = []
    with contextlib.ExitStack() as back:
        child = subprocess.Popen(words)

        def tell(number, frame):
            del frame
            told.append(number)
            # What Ctrl-C says, a terminal says to all of its processes.
            if number == signal.SIGTERM:
                child.send_signal(number)

        for number in (signal.SIGTERM, signal.SIGINT):
            back.callback(signal.signal, number, signal.signal(number, tell))
        code = child.wait()
    return STOPPED if told and code in (0, STOPPED) else 128 - code if code < 0 else code
