"""Addresses of runs in buckets: which are served, and by what. Nothing of JAX or of a cloud here.

A run is served where Orbax and tensorstore write arrays and etils.epath reads and writes the rest:
folders, and gs://. Orbax takes s3:// for a path that is not absolute; az:// and hf:// are known to
epath alone.
"""

import importlib.util
import re

from data_pipelines.errors import UserError
from data_pipelines.files import located

SERVED = "gs"
AS_FOLDER = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")  # also gs:/b/run, which lacks a slash


def fault(path):
    """Sentence if a run can't be kept there, else None. Says nothing of folders, asks nobody."""
    match = AS_FOLDER.match(str(path))
    if not match:
        return None
    scheme, (bucket, _, folder) = match[1], str(path)[match.end() :].lstrip("/").partition("/")
    written = f"{SERVED}://{bucket or 'BUCKET'}/{folder or 'FOLDER'}"
    if scheme.lower() == "file":
        return f"{path} is a folder of this machine; write it as /{bucket}/{folder}."
    if scheme.lower() != SERVED:
        return f"{scheme}:// is not served; give a folder, or an address such as gs://BUCKET/FOLDER."
    if not str(path).startswith(f"{SERVED}://{bucket}/") or not bucket or not folder.strip("/"):
        return f"{path} is no address of a folder in a bucket; write {written}."
    if re.search(r"[?#*\[\]]|//|/\.{1,2}(/|$)", f"/{folder}"):
        return f"{path} holds ?, #, *, [, ], // or dots alone; take a plain name in the bucket."
    if importlib.util.find_spec("gcsfs") is None:
        return f"{path} needs the package gcsfs, which is not here; pip install 'itit_jax[gcs]'."
    return None


def check(path):
    """UserError with that sentence."""
    if sentence := fault(path):
        raise UserError(sentence)


def open_path(address):
    """The address as an epath.Path; UserError if it is not served."""
    check(address)
    return located(address)


def check_reach(address):
    """UserError if the bucket is not there or does not let us in. Asks it; fails after 30 s."""
    bucket = open_path(address).parents[-3]  # parents: ... /gs/BUCKET, /gs, /
    try:
        there = bucket.exists()
    except Exception as error:  # of google.auth, of aiohttp, of gcsfs: each has its own
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise UserError(
            f"{address} cannot be reached ({reason}); log in with `gcloud auth application-default "
            "login`, or ask for the right to read and write there."
        ) from error
    if not there:
        raise UserError(f"there is no {bucket}, or it is not open to you; mend --workdir.")
