"""The JSON file that a command leaves its scores in."""

import json
import os
import pathlib

from data_pipelines.errors import UserError


def check(path):
    """Refuses, before anything is computed, a file that has no folder to lie in; "" is none."""
    if path and not pathlib.Path(path).absolute().parent.is_dir():
        raise UserError(f"the folder of --out={path} does not exist; make it first.")


def write(path, table):
    """The table as JSON, whole or not at all; nothing where `path` is ""."""
    if path:
        fresh = pathlib.Path(f"{path}.new")
        fresh.write_text(json.dumps(table, indent=1))
        os.replace(fresh, path)
