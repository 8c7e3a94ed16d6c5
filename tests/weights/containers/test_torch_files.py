"""Tensors of torch's files are views of storages."""

import numpy as np
import pytest

from benchmarks.hostile import torch_zip
from data_pipelines.errors import UserError
from itit_jax.weights.containers.find import read_tensors


@pytest.mark.parametrize("form", ["zip", "row"])
def test_views_of_torch_storages_are_read_as_torch_reads_them(form, tmp_path):
    values = np.arange(12, dtype=np.float32)
    stored = torch_zip.storage("0", "FloatStorage", 12, *[b"N"] * (form == "row"))
    program = torch_zip.table(
        {
            "whole": torch_zip.tensor(stored, (3, 4)),
            "turned": torch_zip.tensor(stored, (4, 3), (1, 4)),
            "part": torch_zip.tensor(stored, (2,), (5,), offset=3),
        }
    )
    if form == "zip":
        torch_zip.write(tmp_path / "x.pt", program, [values])
    else:
        (tmp_path / "x.pt").write_bytes(torch_zip.row(program, [values]))
    found = {n: t.read() for n, t in read_tensors(tmp_path / "x.pt").items()}
    np.testing.assert_array_equal(found["whole"], values.reshape(3, 4))
    np.testing.assert_array_equal(found["turned"], values.reshape(3, 4).T)
    np.testing.assert_array_equal(found["part"], [3, 8])


def test_a_row_with_a_piece_that_is_there_twice_is_refused(tmp_path):
    values = np.arange(12, dtype=np.float32)
    stored = torch_zip.storage("0", "FloatStorage", 12, b"N")
    whole = torch_zip.row(torch_zip.table({"w": torch_zip.tensor(stored, (12,))}), [values])
    (tmp_path / "x.pt").write_bytes(whole)
    assert read_tensors(tmp_path / "x.pt").keys() == {"w"}
    (tmp_path / "x.pt").write_bytes(whole[:-2] + whole[9:])
    with pytest.raises(UserError, match="bytes follow its last storage"):
        read_tensors(tmp_path / "x.pt")
