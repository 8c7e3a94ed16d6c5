"""What the files of a checkpoint were when it was written: its step, and SHA-256 of each file.

Orbax keeps no sum of its arrays: a flipped bit comes back without a word, as another number.
"""

import hashlib
import json

from data_pipelines.files import whole

NAME = "manifest.json"


def write(folder, step):
    """The last file of the checkpoint of a step in `folder`, local or in a bucket."""
    files = {name: digest(folder / name) for name in sorted(names(folder))}
    with whole(folder / NAME, "w") as file:
        file.write(json.dumps({"step": step, "files": files}, indent=1))


def fault(folder, step):
    """What is wrong with the files; "" if nothing is, or if there is no manifest to tell."""
    if not (folder / NAME).exists():
        return ""
    try:
        known = json.loads((folder / NAME).read_text(encoding="utf-8"))
        if known["step"] != step:
            return f"it is step {known['step']}"
        for name, value in known["files"].items():
            if not (folder / name).exists():
                return f"{name} is missing"
            if digest(folder / name) != value:
                return f"{name} is not as it was written"
    except (AttributeError, KeyError, OSError, TypeError, ValueError):
        return f"{NAME} cannot be read"
    return ""


def digest(file):
    """Hex SHA-256 of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def names(folder, inside=""):
    """Files in a folder and below it, but the manifest itself: "default/d/0a1b"."""
    for path in folder.iterdir():
        if path.is_dir():
            yield from names(path, f"{inside}{path.name}/")
        elif path.name != NAME:
            yield inside + path.name
