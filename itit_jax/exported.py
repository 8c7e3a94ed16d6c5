"""The folder that a trained run is given away in: what says what is there, and whether it is whole.

serve.export writes and reads the rest. No JAX here.
"""

import hashlib
import json
import pathlib

from data_pipelines.errors import UserError

FORMAT = 4
ABOUT = "itit_jax.json"
SEAL = "sha256_of_this"  # in ABOUT, of all else that it says
# What whoever publishes the folder may write in; everything else is compared.
FREE = ("README.md", ABOUT)
WORDS = "tokenizer"  # folder of the vocabulary, where Hugging Face looks for it
VOCABULARIES = ("spiece.model", "tokenizer.json", "vocab.json")  # in it, the first that is there


def is_export(folder):
    """Whether a folder is one of ours."""
    return (pathlib.Path(folder) / ABOUT).is_file()


def read_about(folder):
    """What itit_jax.json of an export says; UserError if the folder is not as it was written."""
    folder = pathlib.Path(folder)
    about = _read(folder / ABOUT)
    if about.get(SEAL) != seal_of(about):
        raise UserError(
            f"{folder / ABOUT} is not as it was exported: its {SEAL} is another; get the folder "
            "again, or export the run with the settings that you want."
        )
    for name, digest in about["sha256"].items():
        if not _inside(name) or not (folder / name).is_file() or digest_of(folder / name) != digest:
            raise UserError(f"{folder / name} is not as it was exported; get the folder again.")
    return about


def sums_of(folder):
    """{file inside: SHA-256} of what an export holds, but for what is free."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    inside = {file.relative_to(folder).as_posix(): file for file in files}
    return {name: digest_of(file) for name, file in inside.items() if name not in FREE}


def seal_of(about):
    """SHA-256 of all that ABOUT says but the seal itself, in any order and spacing."""
    rest = {name: value for name, value in about.items() if name != SEAL}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


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
    except (ValueError, KeyError, TypeError, RecursionError):
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
