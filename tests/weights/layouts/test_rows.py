"""Rows of tables: a transform is the same map in both libraries' conventions, and goes back."""

import jax
import numpy as np
import pytest

from itit_jax.weights.layouts import rows

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "transform, shape",
    [
        (rows.KEEP, (3, 4)),
        (rows.LINEAR, (5, 3)),
        (rows.CONV, (5, 3, 2, 4)),
        (rows.POINT, (5, 3, 1, 1)),
    ],
)
def test_there_and_back_is_nothing(transform, shape):
    theirs = RNG.normal(size=shape)
    np.testing.assert_array_equal(transform.theirs(transform.ours(theirs)), theirs)


def test_a_linear_map_is_the_same():
    theirs, x = RNG.normal(size=(5, 3)), RNG.normal(size=3)
    np.testing.assert_allclose(x @ rows.LINEAR.ours(theirs), theirs @ x)  # torch: weight times x


def test_a_convolution_is_the_same():
    theirs = RNG.normal(size=(5, 3, 2, 4)).astype(np.float32)
    x = RNG.normal(size=(1, 3, 6, 7)).astype(np.float32)
    wanted = jax.lax.conv(x, theirs, (1, 1), "VALID")  # NCHW, OIHW as torch
    found = jax.lax.conv_general_dilated(
        x.transpose(0, 2, 3, 1), rows.CONV.ours(theirs), (1, 1), "VALID",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )  # fmt: skip
    np.testing.assert_allclose(found.transpose(0, 3, 1, 2), wanted, rtol=1e-4, atol=1e-5)


def test_a_convolution_of_one_place_is_a_linear_map():
    theirs, x = RNG.normal(size=(5, 3, 1, 1)), RNG.normal(size=3)
    np.testing.assert_allclose(x @ rows.POINT.ours(theirs), np.einsum("oihw,i->o", theirs, x))


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("axis", [0, 1])
def test_parts_of_one_tensor_are_joined_in_their_order(axis, stacked):
    whole = RNG.normal(size=(6, 6))
    count = 6 if stacked else 3
    parts = [rows.Part(axis, i, count, stacked) for i in range(count)]
    cut = [part.cut(whole) for part in parts]
    assert all(np.shares_memory(piece, whole) for piece in cut)
    assert cut[1].shape == ((6,) if stacked else ((2, 6) if axis == 0 else (6, 2)))
    np.testing.assert_array_equal(parts[0].join(cut), whole)


def test_a_row_reads_its_part_and_turns_it():
    whole = RNG.normal(size=(6, 4))  # q, k and v of one matrix
    row = rows.Row("in_proj", "key/kernel", rows.LINEAR, rows.Part(0, 1, 3, stacked=False))
    np.testing.assert_array_equal(row.read(whole), whole[2:4].T)


def test_layers_are_counted_and_a_number_of_nine_digits_makes_no_long_table():
    names = ["encoder/layers_0/x", "encoder/layers_2/x", "decoder/layers_7/x"]
    assert rows.count(r"encoder/layers_(\d+)/", names) == 3
    assert rows.count(r"encoder/layers_(\d+)/", ["encoder/layers_999999999/x"]) == 1
    assert rows.count(r"encoder/layers_(\d+)/", []) == 0


def test_helpers_name_weight_and_bias():
    found = [*rows.norm("n", "a"), *rows.conv("c", "b"), *rows.linear("l", "d")]
    assert [(r.theirs, r.ours, r.transform) for r in found] == [
        ("n.weight", "a/scale", rows.KEEP), ("n.bias", "a/bias", rows.KEEP),
        ("c.weight", "b/kernel", rows.CONV), ("c.bias", "b/bias", rows.KEEP),
        ("l.weight", "d/kernel", rows.LINEAR), ("l.bias", "d/bias", rows.KEEP),
    ]  # fmt: skip
