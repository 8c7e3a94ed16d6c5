"""Folders of t5x beside TensorStore and Flax, which t5x itself reads with."""

import gzip

import numpy as np
import pytest
import tensorstore
from flax import serialization

from data_pipelines.errors import UserError
from itit_jax.weights.containers import t5x_folders
from itit_jax.weights.containers.find import read_tensors
from tests.weights.containers.hostile_flax import t5x

ARRAYS = {
    "encoder/a/kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
    "encoder/zeros": np.zeros(4, np.float32),
    "one": np.array(2.5, np.float32),
}


def test_tensorstore_finds_every_array_where_the_index_says(tmp_path):
    t5x_folders.write(ARRAYS, tmp_path / "out")
    tree = serialization.msgpack_restore((tmp_path / "out" / "checkpoint").read_bytes())
    target = tree["optimizer"]["target"]
    described = {
        "encoder/a/kernel": target["encoder"]["a"]["kernel"],
        "encoder/zeros": target["encoder"]["zeros"],
        "one": target["one"],
    }
    for path, spec in described.items():
        store = {"driver": "file", "path": str(tmp_path / "out" / spec["kvstore"]["path"])}
        found = tensorstore.open({"driver": "zarr", "kvstore": store}, open=True).result()
        np.testing.assert_array_equal(found.read().result(), ARRAYS[path])


def test_what_is_written_is_read_again(tmp_path):
    t5x_folders.write(ARRAYS, tmp_path / "out")
    found = read_tensors(tmp_path / "out")
    assert found.keys() == ARRAYS.keys()
    for name, tensor in found.items():
        assert tensor.shape == ARRAYS[name].shape
        np.testing.assert_array_equal(tensor.read(), ARRAYS[name])


def test_an_array_without_one_of_its_files_is_not_filled_up(tmp_path):
    t5x_folders.write(ARRAYS, tmp_path / "out")
    (tmp_path / "out" / "target.encoder.zeros" / "0").unlink()
    with pytest.raises(UserError, match="target.encoder.zeros has 0 pieces, not the 1"):
        read_tensors(tmp_path / "out")


def test_a_piece_that_unfolds_to_too_much_is_refused_while_it_unfolds(tmp_path):
    place, array, _ = t5x(tmp_path)
    (array / "1").write_bytes(gzip.compress(bytes(10_000_000)))
    with pytest.raises(UserError, match="unfolds to too much"):
        read_tensors(place)["a/w"].read()
