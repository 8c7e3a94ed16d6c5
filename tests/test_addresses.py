"""Runs in buckets, as far as an address alone or the store itself can tell."""

import subprocess
import sys

import pytest

from data_pipelines.errors import UserError
from itit_jax import addresses


def test_an_address_that_is_not_served_is_not_opened():
    with pytest.raises(UserError, match="s3:// is not served"):
        addresses.open_path("s3://b/run")


def test_to_judge_an_address_loads_neither_jax_nor_a_client():
    heavy = ("jax", "tensorflow", "google", "gcsfs", "fsspec", "etils")
    code = f"""
import sys
from itit_jax import addresses
addresses.check("gs://b/run")
print([name for name in {heavy} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_bucket_that_is_not_there_is_one_sentence(bucket):
    addresses.check_reach("gs://bucket/new/run")
    with pytest.raises(UserError, match="there is no gs://buckt"):
        addresses.check_reach("gs://buckt/new/run")
    assert not [name for name in bucket.objects if name.startswith("new/")]


def test_a_process_sees_what_another_one_wrote_meanwhile(bucket):
    folder = addresses.open_path("gs://bucket/seen")
    bucket.write("seen/first", b"1")
    assert [path.name for path in folder.iterdir()] == ["first"]
    bucket.write("seen/second", b"2")
    assert sorted(path.name for path in folder.iterdir()) == ["first", "second"]
    assert (folder / "second").read_bytes() == b"2"
