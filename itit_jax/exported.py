"""The folder that a trained run is given away in: what says what is there, and whether it is whole.

serve.export writes and reads the rest. No JAX here.
"""

import hashlib
import json
import pathlib

from data_pipelines.errors import UserError

FORMAT = 3
ABOUT = "itit_jax.json"
VOCABULARY = "tokenizer/spiece.model"  # where Hugging Face looks for it


def is_export(folder):
    """Whether a folder is one of ours."""
    return (pathlib.Path(folder) / ABOUT).is_file()


def read_about(folder):
    """What itit_jax.json of an export says; UserError if the folder is not as it was written."""
    folder = pathlib.Path(folder)
    about = _read(folder / ABOUT)
    for name, digest in about["sha256"].items():
        if not _inside(name) or not (folder / name).is_file() or digest_of(folder / name) != digest:
            raise UserError(f"{folder / name} is not as it was exported; get the folder again.")
    return about


def digest_of(file):
    """Hex SHA-256 of a file."""
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def broken(file):
    """The fault of a folder that says less than it should."""
    return UserError(f"{file} is not as it was exported; get the folder again.")


def _inside(name):
    path = pathlib.PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _read(file):
    if not file.is_file():
        raise UserError(f"{file} does not exist; give a folder that --mode=export wrote.")
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
        found = about["format"]
    except (ValueError, KeyError, TypeError):
        raise broken(file) from None
    if found != FORMAT:
        raise UserError(
            f"{file} is of format {found} and this itit_jax reads {FORMAT}; "
            "take the version of itit_jax that wrote it."
        )
    tables = [about.get(name) for name in ("sha256", "parts", "config")]
    whole = "step" in about and all(isinstance(table, dict) for table in tables)
    files = list(about["parts"].values()) if whole else []
    if not whole or not all(isinstance(f, str) and f in about["sha256"] for f in files):
        raise broken(file)
    return about
