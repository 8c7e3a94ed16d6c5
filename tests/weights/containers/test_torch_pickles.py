"""The reader of pickles beside Python's own writer: tables pass, frameworks are inert, all else is
refused. Programs that Python would not write: test_hostile.py."""

import argparse
import io
import os
import pickle
import types
from collections import Counter, OrderedDict

import pytest

from data_pipelines.errors import UserError
from itit_jax.weights.containers import torch_pickles
from tests.weights.containers import torch_zip as tz


class NoStorages:
    """A container that holds none."""

    def check(self, storage):
        raise ValueError(f"no storage {storage.key}")

    bytes_of = check


def load(data):
    return torch_pickles.Unpickler(io.BytesIO(data), "x.pt", NoStorages()).load()


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_plain_tables_are_what_they_were(protocol):
    table = OrderedDict(epoch=3, names=["a", ("b", 2.5)], on=True, more={"deep": {1: None}})
    found = load(pickle.dumps(table, protocol))
    assert found == table and type(found) is OrderedDict


def test_objects_of_frameworks_stand_for_nothing():
    settings = argparse.Namespace(steps=3, nested=argparse.Namespace(path="x"))
    found = load(pickle.dumps({"arguments": settings, "epoch": 3}, 2))
    assert found["epoch"] == 3 and not isinstance(found["arguments"], argparse.Namespace)
    with pytest.raises(TypeError, match="not to be written"):
        pickle.dumps(found["arguments"])


@pytest.mark.parametrize(
    "value", [os.getcwd, Counter("a"), types.SimpleNamespace(a=1), range(3), {1, 2}.__class__]
)
def test_any_other_name_is_refused_by_name(value):
    with pytest.raises(UserError, match=r"x.pt asks for \w+(\.\w+)*, which weights do not need"):
        load(pickle.dumps({"w": value}, 2))


def test_a_storage_is_looked_up_before_anything_is_made_of_it():
    stored = tz.storage("0", "FloatStorage", 8)
    with pytest.raises(ValueError, match="no storage 0"):
        load(b"\x80\x02" + tz.tensor(stored, (8,)) + b".")
