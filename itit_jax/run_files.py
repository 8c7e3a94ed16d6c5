"""Small files of a run, read and written so that damage is a sentence and never a traceback."""

import json
import math
import threading

from data_pipelines.errors import UserError


def read_text(file):
    """The text of a file."""
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is no text ({error}); restore it or take a new workdir.") from None


def read_object(file):
    """The dict of a JSON file; {} if there is none."""
    if not file.exists():
        return {}
    try:
        found = json.loads(file.read_bytes())
    except (RecursionError, ValueError) as error:
        raise UserError(f"{file} is no JSON ({error}); restore it or remove it.") from None
    if not isinstance(found, dict):
        raise UserError(f"{file} is damaged: it holds no names; restore it or remove it.")
    return found


def read_scores(file):
    """{step as text: {split: {score: value}}}."""
    found = read_object(file)
    for step, splits in found.items():
        if not (step.isdecimal() and _is_dict_of_dicts(splits)):
            raise UserError(f"{file} is damaged at {step!r}; restore it or remove it.")
    return found


def _is_dict_of_dicts(found):
    return isinstance(found, dict) and all(isinstance(value, dict) for value in found.values())


def read_rows(file):
    """{step: the line of its metrics}, in order. What is no such line is left out: a kill cuts the
    last one, and one that is still being written has no end."""
    rows = {}
    for line in file.read_bytes().split(b"\n")[:-1] if file.exists() else []:
        try:
            step = json.loads(line)["step"]
        except (KeyError, RecursionError, TypeError, ValueError):
            continue
        if isinstance(step, int):
            rows[step] = line.decode()
    return rows


def finite(values):
    """{name: value} without numbers that are not finite: they measure nothing, and are no JSON."""
    return {k: v for k, v in values.items() if not isinstance(v, float) or math.isfinite(v)}


class Lines:
    """A file that only grows. What finds no room waits, and is written in front of what follows."""

    def __init__(self, path):
        self._path, self._waiting = path, b""
        self._alone = threading.Lock()  # a reminder of a slow phase comes from another thread

    def write(self, data):
        """Add text or bytes. OSError where that cannot be done now: nothing is lost by it."""
        with self._alone:
            self._waiting += data.encode() if isinstance(data, str) else data
        self.settle()

    def settle(self):
        """Write what waits. Opened each time: a disk that was away leaves a dead file behind."""
        with self._alone:
            if not self._waiting:
                return
            with open(self._path, "ab", buffering=0) as file:
                while self._waiting:
                    self._waiting = self._waiting[file.write(self._waiting) :]


class Rewritten:
    """The same of an object in a bucket, which can only be written as a whole, by `keep(data)`: for
    every line that would take all day, so `settle` alone does it."""

    def __init__(self, path, keep):
        self._keep = keep
        self._data = path.read_bytes() if path.exists() else b""

    def write(self, data):
        self._data += data.encode() if isinstance(data, str) else data

    def settle(self):
        self._keep(self._data)
