"""Where a path that somebody gave points to: as a shell would read it, or why nowhere.

    meant("~/runs/$NAME/")                 # /home/me/runs/a/
    meant("file:///data/x")                # /data/x
    meant("gs://b/run", bucket=True)       # gs://b/run

Behind the `=` of a flag, in a gin file and in Python no shell reads a path first. Every flag and
every key of a path comes through here, so that none makes a folder called ~, $HOME or gs:.
"""

import importlib.util
import os
import re
import urllib.parse

from data_pipelines.errors import UserError

SERVED = "gs"  # the only buckets that Orbax, tensorstore and etils.epath all read and write
ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")  # also gs:/b/run, which lacks a slash
MAGIC = re.compile(r"[*?\[\]]")  # of a pattern
VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})")


def meant(path, *, bucket=False, pattern=False) -> str:
    """The path as a shell would read it. ValueError: what is wrong, to stand behind its name.

    bucket: whether an address such as gs://BUCKET/FOLDER will do. pattern: whether it may be one of
    many files, as gs://BUCKET/FOLDER/*.tar.
    """
    text = _with_variables(_at_home(str(path)))
    if "\0" in text:
        raise ValueError("holds a zero byte; write the path out")
    match = ADDRESS.match(text)
    if match and match[1].lower() == "file":
        return _of_this_machine(text)
    if match and not bucket:
        raise ValueError(f"must be a file or folder of this machine, not {text}; copy it here")
    if fault := address_fault(MAGIC.sub("x", text) if pattern else text):
        raise ValueError(f"is no such place: {fault.rstrip('.')}")
    return text


def place(path, *, bucket=False, pattern=False) -> str:
    """The same for a path that Python was called with; UserError says what is wrong."""
    try:
        return meant(path, bucket=bucket, pattern=pattern)
    except ValueError as error:
        raise UserError(f"the path {path} {error}.") from None


def several(text) -> list[str]:
    """The paths of a flag that takes some, with commas between; a name may hold one too."""
    return [text] if os.path.exists(text) else [path.strip() for path in text.split(",")]


def address_fault(path):
    """Sentence if no run can be kept at this address, else None. Says nothing of folders, and
    asks nobody."""
    match = ADDRESS.match(str(path))
    if not match:
        return None
    scheme, (bucket, _, folder) = match[1], str(path)[match.end() :].lstrip("/").partition("/")
    if scheme.lower() != SERVED:
        return f"{scheme}:// is not served; give a folder, or an address such as gs://BUCKET/FOLDER."
    if not str(path).startswith(f"{SERVED}://{bucket}/") or not bucket or not folder.strip("/"):
        written = f"{SERVED}://{bucket or 'BUCKET'}/{folder or 'FOLDER'}"
        return f"{path} is no address of a folder in a bucket; write {written}."
    if re.search(r"[?#*\[\]]|//|/\.{1,2}(/|$)", f"/{folder}"):
        return f"{path} holds ?, #, *, [, ], // or dots alone; take a plain name in the bucket."
    if importlib.util.find_spec("gcsfs") is None:
        return f"{path} needs the package gcsfs, which is not here; pip install 'itit_jax[gcs]'."
    return None


def _at_home(text):
    """`~` and `~NAME` in front as a home folder."""
    whole = os.path.expanduser(text)
    user = text.partition("/")[0]
    if text.startswith("~") and whole.startswith("~"):
        who = f"no home folder of {user[1:]} is" if user[1:] else "your home folder is not"
        raise ValueError(f"begins with {user}, but {who} known here; write the path out")
    return whole


def _with_variables(text):
    """$NAME and ${NAME} as what they hold; one without a value stays where a file is so called."""

    def value(match):
        name = match[1] or match[2]
        if found := os.environ.get(name):
            return found
        if os.path.exists(text):
            return match[0]
        raise ValueError(f"names ${name}, which has no value here; set it or write the path out")

    return VARIABLE.sub(value, text)


def _of_this_machine(address):
    """The folder of file:///FOLDER."""
    found = urllib.parse.urlsplit(address, allow_fragments=False)
    if found.netloc not in ("", "localhost") or found.query:
        raise ValueError(f"must be a path of this machine, not {address}; write it as /FOLDER")
    return urllib.parse.unquote(found.path)
