"""Flax's msgpack beside flax.serialization."""

import numpy as np
from flax import serialization

from itit_jax.weights.containers.find import read_tensors


def test_arrays_that_flax_cuts_into_chunks_are_whole_again(tmp_path, monkeypatch):
    array = np.arange(30, dtype=np.float32).reshape(5, 6)
    monkeypatch.setattr(serialization, "MAX_CHUNK_SIZE", 28)
    data = serialization.to_bytes({"a": {"w": array}, "b": array[0]})
    assert b"__msgpack_chunked_array__" in data
    (tmp_path / "x.msgpack").write_bytes(data)
    found = read_tensors(tmp_path / "x.msgpack")
    np.testing.assert_array_equal(found["a/w"].read(), array)
    np.testing.assert_array_equal(found["b"].read(), array[0])
