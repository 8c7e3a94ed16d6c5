"""Which addresses a run may have, and what is said of the others before anything starts."""

import importlib.util
import subprocess
import sys

import pytest

from data_pipelines.errors import UserError
from itit_jax import addresses


@pytest.mark.parametrize("path", ["runs/x", "/a/b", "x.y", "gs://b/run", "gs://b/a/b_1.2/"])
def test_folders_and_folders_of_a_bucket_are_served(path):
    assert addresses.fault(path) is None


@pytest.mark.parametrize(
    "path, words",
    [
        ("s3://b/run", "s3:// is not served"),
        ("memory://run", "memory:// is not served"),
        ("https://x.org/run", "https:// is not served"),
        ("file:///tmp/run", "write it as /tmp/run"),
        ("gs:/b/run", "write gs://b/run"),
        ("GS://b/run", "write gs://b/run"),
        ("gs://b", "write gs://b/FOLDER"),
        ("gs://", "write gs://BUCKET/FOLDER"),
        ("gs://b/run*", "take a plain name"),
        ("gs://b/run?x", "take a plain name"),
        ("gs://b/../run", "take a plain name"),
        ("gs://b/a//run", "take a plain name"),
    ],
)
def test_any_other_is_one_sentence(path, words):
    found = addresses.fault(path)
    assert words in found
    assert found.count(". ") == 0
    with pytest.raises(UserError, match="gs://|folder|plain name"):
        addresses.open_path(path)


def test_a_missing_package_is_named_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "pip install 'itit_jax[gcs]'" in addresses.fault("gs://b/run")


def test_to_judge_an_address_loads_neither_jax_nor_a_client():
    heavy = ("jax", "tensorflow", "google", "gcsfs", "fsspec", "etils")
    code = f"""
import sys
from itit_jax import addresses
addresses.fault("gs://b/run")
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
