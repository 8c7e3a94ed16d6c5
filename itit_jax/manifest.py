"""What the files of a checkpoint were when it was written: its step, and SHA-256 of each file.

Orbax keeps no sum of its arrays: a flipped bit comes back without a word, as another number.
"""

import hashlib
import json

from data_pipelines.files import whole

NAME = "manifest.json"
MISSING = (FileNotFoundError, IsADirectoryError, NotADirectoryError)


def write(folder, step):
    """The last file of the checkpoint of a step in `folder`, local or in a bucket."""
    files = {name: digest(folder / name) for name in sorted(names(folder))}
    with whole(folder / NAME, "w") as file:
        file.write(json.dumps({"step": step, "files": files}, indent=1))


def fault(folder, step):
    """What is wrong with the files; "" if nothing is, or if there is no manifest to tell.

    OSError of a disk that cannot say it just now.
    """
    if not there(folder):
        return ""
    try:
        known = json.loads((folder / NAME).read_text(encoding="utf-8"))
        if known["step"] != step:
            return f"it is step {known['step']}"
        faults = (_file_fault(folder / name, name, sum) for name, sum in known["files"].items())
        return next(filter(None, faults), "")
    except (AttributeError, KeyError, TypeError, ValueError):
        return f"{NAME} cannot be read"


def there(folder):
    """Whether it is told what the files were."""
    return (folder / NAME).exists()


def _file_fault(file, name, known):
    try:
        return "" if digest(file) == known else f"{name} is not as it was written"
    except MISSING:
        return f"{name} is missing"


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
