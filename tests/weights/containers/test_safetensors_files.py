"""safetensors beside the library's own reader and writer, whole and in parts."""

import json
import os

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from data_pipelines.errors import UserError
from itit_jax.weights.containers import safetensors_files, sharded_files
from itit_jax.weights.containers.find import read_tensors

ARRAYS = {name: np.arange(6, dtype=np.float32).reshape(2, 3) + i for i, name in enumerate("abcd")}


def read(tensors):
    return {name: tensor.read() for name, tensor in dict(tensors).items()}


def same(found, wanted):
    assert found.keys() == wanted.keys()
    return all(np.array_equal(found[name], wanted[name]) for name in wanted)


def in_parts(folder, **where):
    """ARRAYS in two files, under an index that says where they are, or says otherwise."""
    folder.mkdir()
    held = {name: f"{'ab'[i % 2]}.safetensors" for i, name in enumerate(ARRAYS)}
    for part in set(held.values()):
        save_file({n: ARRAYS[n] for n in held if held[n] == part}, folder / part)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": held | where}))
    return folder


def test_the_library_reads_what_is_written_and_we_what_it_writes(tmp_path):
    safetensors_files.write(ARRAYS, tmp_path / "x.safetensors")
    assert same(load_file(tmp_path / "x.safetensors"), ARRAYS)
    save_file(ARRAYS, tmp_path / "y.safetensors")
    found = dict(safetensors_files.read(tmp_path / "y.safetensors"))
    assert same(read(found), ARRAYS) and found["a"].shape == (2, 3)


def test_the_header_says_which_library_the_weights_are_for(tmp_path):
    for name, given, wanted in (
        ("x", {}, {"format": "pt"}),
        ("y", {"head": {"a": "b"}}, {"a": "b"}),
        ("z", {"producer": "np"}, {"format": "np"}),
    ):
        safetensors_files.write(ARRAYS, tmp_path / name, **given)
        with safe_open(tmp_path / name, "numpy") as opened:
            assert opened.metadata() == wanted


def test_a_written_file_may_be_read_by_whoever_may_read_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    safetensors_files.write(ARRAYS, tmp_path / "x.safetensors")
    modes = {os.stat(tmp_path / name).st_mode & 0o777 for name in ("plain", "x.safetensors")}
    assert len(modes) == 1


def test_parts_under_an_index_are_one(tmp_path):
    folder = in_parts(tmp_path / "parts")
    index = folder / "model.safetensors.index.json"
    assert same(read(sharded_files.read(index, safetensors_files.read)), ARRAYS)
    assert same(read(read_tensors(folder)), ARRAYS)


def test_a_part_that_lacks_a_tensor_of_the_index_is_named(tmp_path):
    folder = in_parts(tmp_path / "parts", a="b.safetensors")
    with pytest.raises(UserError, match=r"b.safetensors lacks a of model.safetensors.index.json"):
        read_tensors(folder)
