"""npz beside numpy's own reader and writer."""

import zipfile

import numpy as np
import pytest

from itit_jax.weights.containers import npz_files

ARRAYS = {
    "a/w": np.arange(6, dtype=np.float32).reshape(2, 3),
    "turned": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "one": np.float16(3),
    "none": np.zeros((0, 4), np.int64),
}


def test_what_numpy_writes_is_read_with_shapes_from_the_headers(tmp_path):
    np.savez(tmp_path / "x.npz", **ARRAYS)
    found = dict(npz_files.read(tmp_path / "x.npz"))
    assert {n: t.shape for n, t in found.items()} == {n: np.shape(a) for n, a in ARRAYS.items()}
    for name, tensor in found.items():
        np.testing.assert_array_equal(tensor.read(), ARRAYS[name])
        assert tensor.read().dtype == ARRAYS[name].dtype


def test_numpy_reads_what_is_written(tmp_path):
    npz_files.write(ARRAYS, tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz", allow_pickle=False) as found:
        assert set(found) == set(ARRAYS)
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(found[name], array)


def test_an_entry_that_unfolds_beyond_its_file_is_refused_unread(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w.npy", bytes(2_000_000))
    with pytest.raises(ValueError, match=r"its [\d,]+ bytes claim to be 2,000,000"):
        next(npz_files.read(tmp_path / "x.npz"))
