"""The reader of pickles beside Python's own writer: tables pass, frameworks are inert, all else is
refused. Programs that Python would not write: test_hostile.py."""

import argparse
import io
import os
import pickle
import types
from collections import Counter, OrderedDict

import ml_dtypes
import numpy as np
import pytest

from benchmarks.hostile import torch_zip as tz
from data_pipelines.errors import UserError
from itit_jax.weights.containers import torch_pickles


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
    assert found["epoch"] == 3 and type(found["arguments"]) is torch_pickles.Inert


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


@pytest.mark.parametrize("kind", torch_pickles.STORAGES)
def test_a_program_gets_names_and_nothing_that_lives(kind):
    assert load(b"\x80\x02" + tz.name("torch", kind) + b".") == ("torch", kind)


def test_no_state_is_given_to_what_lives_in_this_process():
    dtype = np.dtype(ml_dtypes.bfloat16)
    before = dtype.itemsize, dtype.alignment, dtype.str
    state = tz.items(tz.number(3), tz.text("|"), b"NNN", *map(tz.number, (64, 64, 63)))
    with pytest.raises(ValueError, match="gives a state to what has none"):
        load(b"\x80\x02" + tz.name("torch", "BFloat16Storage") + state + b"b.")
    assert (dtype.itemsize, dtype.alignment, dtype.str) == before


NAMESPACE, TABLE = tz.name("argparse", "Namespace"), tz.name("collections", "OrderedDict")


@pytest.mark.parametrize(
    "program",
    [
        b"](" + b"K\x01N\x86" * 500 + b"e\x85q\x01" + TABLE + b"q\x02" + b"h\x02h\x01R" * 500,
        b"(" + b"N" * 500 + b"tq\x01" + NAMESPACE + b"q\x02" + b"h\x02h\x01R" * 500,
        b"N" * 20_000,
    ],
)
def test_what_is_done_again_and_again_counts_each_time(program, monkeypatch):
    monkeypatch.setattr(torch_pickles, "MOST", 10_000)
    with pytest.raises(ValueError, match="more than 10,000 steps"):
        load(b"\x80\x02" + program + b".")


def test_keys_are_names_and_small_numbers():
    table = {1: "a", "b": {None: 2, True: 3}}
    assert load(pickle.dumps(table, 2)) == table
    for key in (2**61 - 1, (1, 2), 2.5, b"w"):
        with pytest.raises(ValueError, match="among its keys"):
            load(pickle.dumps({key: 1}, 4))


def test_modules_of_torchscript_hold_their_tensors_and_run_nothing():
    module = tz.call(tz.name("__torch__.clip.model", "CLIP"))
    inner = tz.call(tz.name("__torch__.torch.nn", "Linear")) + tz.table({"bias": tz.number(3)})
    program = module + tz.table({"visual": inner + b"b", "training": b"\x89"}) + b"b"
    assert load(b"\x80\x02" + program + b".") == {"visual": {"bias": 3}, "training": False}
