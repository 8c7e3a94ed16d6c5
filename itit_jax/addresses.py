"""Runs in buckets: opened, and asked whether they can be reached. Nothing of JAX here.

A run is served where Orbax and tensorstore write arrays and etils.epath reads and writes the rest:
folders, and gs://. Orbax takes s3:// for a path that is not absolute; az:// and hf:// are known to
epath alone. data_pipelines.places says which address is which.
"""

from data_pipelines.errors import UserError
from data_pipelines.files import located
from data_pipelines.places import address_fault


def check(path):
    """UserError if no run can be kept there."""
    if sentence := address_fault(path):
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
