"""Bounds on the sum of what a file claims, and on its names."""

import numpy as np
import pytest

from itit_jax.weights.containers import tensors
from itit_jax.weights.containers.tensors import SPARE, UNFOLDS, Tensor, bounded

F4 = np.dtype(np.float32)


def tensor(*shape, dtype=F4):
    return Tensor(shape, dtype, lambda: None)


def test_tensors_that_together_fit_their_file_are_taken():
    found = [("a", tensor(10, 10)), ("b", tensor()), ("c", tensor(0, 2**60))]
    assert bounded(found, 404) == dict(found)


def test_the_sum_counts_and_not_each_alone():
    held, each = 10_000_000, tensor(5_000_000)
    assert held * UNFOLDS > 5_000_000 * 4
    few = (held * UNFOLDS + SPARE) // 20_000_000
    assert len(bounded([(str(i), each) for i in range(few)], held)) == few
    with pytest.raises(ValueError, match="its 10,000,000 bytes claim to be"):
        bounded([(str(i), each) for i in range(few + 1)], held)


@pytest.mark.parametrize(
    "found, told",
    [
        ([("a", tensor()), ("a", tensor())], "a is there twice"),
        ([("a", tensor(*[1] * 9))], "a has 9 axes"),
        ([("a\nb", tensor())], "a tensor has the name 'a.*b'"),
        ([("x" * 301, tensor())], "a tensor has the name 'xxx"),
        ([("a", tensor(2, dtype=np.dtype(np.complex64)))], "a holds complex64"),
        ([("a", tensor(2, dtype=np.dtype("M8[s]")))], "a holds datetime64"),
        ([("a", tensor(2, dtype=np.dtype("U3")))], "a holds <U3"),
    ],
)
def test_what_is_no_tensor_of_weights_is_named(found, told):
    with pytest.raises(ValueError, match=told):
        bounded(found, 1000)


def test_there_is_an_end_to_their_number(monkeypatch):
    monkeypatch.setattr(tensors, "MOST", 3)
    with pytest.raises(ValueError, match="more than 3 tensors"):
        bounded(((str(i), tensor()) for i in range(10**9)), 1000)
