"""The JSON file that a command leaves its scores in, and its lines about what is not scored."""

import json
import math
import pathlib
import sys

from configs.commands import Argument
from data_pipelines.errors import UserError
from data_pipelines.files import check_file, whole

ARGUMENT = Argument("", "JSON file for scores, their signatures and items", form="FILE")


def check(path):
    """Refuses, before anything is computed, a file that cannot be written; "" is none."""
    if path and not pathlib.Path(path).absolute().parent.is_dir():
        raise UserError(f"the folder of --out={path} does not exist; make it first.")
    if path:
        check_file(path, "--out")


def kept(path):
    """The table that such a file holds already; {} where it is not there."""
    file = pathlib.Path(path)
    if not path or not file.exists():
        return {}
    try:
        table = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        table = None
    if not isinstance(table, dict):
        raise UserError(f"--out={path} holds no table of such figures; give another file.")
    return table


def _finite(value):
    """Numbers that are none, such as the ends of no interval, are null in JSON."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write(path, table):
    """The table as JSON, whole or not at all; nothing where `path` is ""."""
    if not path:
        return
    try:
        with whole(path, "w") as file:
            json.dump(_finite(table), file, indent=1, allow_nan=False)
    except OSError as error:
        raise UserError(f"--out={path} cannot be written ({error}); give another.") from error


def tell(skipped):
    """A line for each reason of {reason: {"count", "first"}}, apart from the scores."""
    for reason, rows in skipped.items():
        print(f"skipped, {reason}: {rows['count']}, first {rows['first'][0]}", file=sys.stderr)
