"""Formulas of a Transformer and of a convolution beside a count of their programs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import traced_flops
from itit_jax.models import flops, towers
from itit_jax.models.flops import Flops
from itit_jax.models.t5 import T5Encoder


@pytest.mark.parametrize("scan", [True, False])
def test_t5_on_ids_and_on_rows(scan):
    network = T5Encoder(
        vocabulary_size=23, width=12, mlp_width=20, depth=3, heads=3, head_width=5, scan=scan
    )
    ids, valid = jnp.ones((4, 7), jnp.int32), jnp.ones((4, 7), bool)
    params = jax.eval_shape(network.init, jax.random.key(0), ids, valid)
    told = flops.t5_encoder(network, 4, 7)
    whole = lambda p, x: jnp.sum(network.apply(p, x, valid))
    assert traced_flops.count(jax.value_and_grad(whole), params, ids) == told.total
    told = told.frozen() + flops.t5_rows(network, 4, 7).frozen()
    rows = jax.ShapeDtypeStruct((4, 7, 23), jnp.float32)
    assert traced_flops.count(jax.value_and_grad(whole, argnums=1), params, rows) == told.total


@pytest.mark.parametrize("probe", [True, False])
def test_towers_of_both_families(probe):
    sizes = dict(width=12, mlp_width=20, depth=2, heads=3, activation="gelu", epsilon=1e-6)
    image = towers.ImageTower(
        8, 4, probe=probe, pixels=towers.CLIP_PIXELS, features=0 if probe else 10, **sizes
    )
    text = towers.TextTower(23, 7, features=10, end=None if probe else 1, **sizes)
    rows = ((image, flops.image_tower, (3, 8, 8, 3), jnp.uint8),
            (text, flops.text_tower, (3, 7), jnp.int32))  # fmt: skip
    for network, formula, shape, kind in rows:
        x = jax.ShapeDtypeStruct(shape, kind)
        params = jax.eval_shape(network.init, jax.random.key(0), x)
        gradient = jax.value_and_grad(lambda p, x, network=network: jnp.sum(network.apply(p, x)))
        assert traced_flops.count(gradient, params, x) == formula(network, 3).total


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(
    "side, kernel, stride", [(8, 3, 1), (9, 3, 2), (8, 4, 2), (5, 1, 1), (7, 4, 1)]
)
def test_a_convolution_of_ones_counts_its_products(side, kernel, stride, padding):
    """Of ones every output is the number of its products: no formula is believed."""
    pixels, weights = np.ones((2, side, side, 3)), np.ones((kernel, kernel, 3, 5))
    run = lambda x, w: jnp.sum(jax.lax.conv_general_dilated(
        x, w, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    ))  # fmt: skip
    told = flops.conv(2, side, 3, 5, kernel=kernel, stride=stride, padding=padding)
    assert told == Flops(*[2 * int(run(pixels, weights))] * 3)
    assert traced_flops.count(run, pixels, weights) == told.forward
    both = jax.value_and_grad(run, argnums=(0, 1))
    assert traced_flops.count(both, pixels, weights) == told.total


def test_flops_add_and_multiply():
    assert (Flops(1, 2, 3) + Flops(10, 20, 30)) * 2 == Flops(22, 44, 66)
    found = Flops(1, 2, 3)
    assert (found.backward, found.total, found.forward_only().total) == (5, 6, 1)
    assert (found.frozen().backward, found.of_data().backward) == (3, 2)
