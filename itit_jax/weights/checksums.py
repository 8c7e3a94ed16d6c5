"""SHA-256 of weight files: what convert writes beside them is compared, and a user may insist."""

import hashlib
import json

from data_pipelines.errors import UserError
from data_pipelines.files import whole
from itit_jax.weights.containers.find import files_of, find_file
from itit_jax.weights.containers.plain_json import read_json

NAME = "checksums.json"


def digest(path):
    """Of one file as `sha256sum` says it; of several, of its lines: digest, two spaces, name."""
    file = find_file(path)
    files = [each for each in files_of(file) if each.name != NAME]
    if len(files) == 1:
        return _of(files[0])
    lines = (f"{_of(each)}  {each.relative_to(file.parent).as_posix()}\n" for each in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def write(folder):
    """Of all files in the folder, there."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    found = {file.relative_to(folder).as_posix(): _of(file) for file in files}
    with whole(folder / NAME, "w") as file:
        file.write(json.dumps({"sha256": found}, indent=1) + "\n")


def check(path, part=""):
    """Refuses weights beside which lie checksums that any file there does not have."""
    file = find_file(path, part)
    told = file.parent / NAME
    if not told.is_file():
        return
    try:
        sums = dict(read_json(told)["sha256"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{told} is no list of checksums ({error}); convert again.") from error
    here = {each.relative_to(file.parent).as_posix() for each in files_of(file)} - {NAME}
    for name in sorted({*sums, *here}):
        each = file.parent / name
        inside = each.is_file() and each.resolve().is_relative_to(file.parent.resolve())
        if not inside or sums.get(name) != _of(each):
            told = ascii(name[:200])[1:-1]
            raise UserError(
                f"{file.parent}/{told} is not as it was written: {NAME} says so; convert again."
            )


def insist(path, wanted):
    """-> the digest of weights; refused where another is wanted."""
    found = digest(path)
    if wanted and found != wanted.lower():
        raise UserError(f"{path} has the SHA-256 {found}, not {wanted}; get it again.")
    return found


def _of(file):
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
