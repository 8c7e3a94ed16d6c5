"""The share that a step reaches of a bare product, by hand; the product has the model's shape."""

import jax.numpy as jnp

from benchmarks import train_step
from itit_jax import config as settings


def test_the_share_is_that_of_the_medians():
    spent = {"step": [(4.0, 8.0), (2.0, 4.0), (9.0, 9.0)], "product": [(1.0, 2.0)] * 3}
    found = train_step.told(10e9, 5e9, spent)
    assert found["step_seconds"] == 4.0 and found["product_gflop_a_second"] == 5.0
    assert found["share"] == 0.5  # 2.5 GFLOP a second of 5
    assert found["share_by_core_seconds"] == 0.5  # 1.25 of 2.5


def test_the_widest_kernel_is_that_of_one_layer():
    params = {
        "table": {"embedding": jnp.zeros((99, 9))},
        "layers": {"up": {"kernel": jnp.zeros((7, 2, 3))}},
        "last": {"kernel": jnp.zeros((2, 4))},
    }
    assert train_step.widest(params) == (2, 4)


def test_all_that_is_counted_is_run_from_the_first_step():
    cycle = train_step.begun(settings.load("configs/itit_tiny.py")).cycle
    assert (cycle.t2i2t_start, cycle.i2t2i_start, cycle.ramp) == (0, 0, 0)
    assert "cycle" not in train_step.begun(settings.load("configs/vq_tiny.py"))
