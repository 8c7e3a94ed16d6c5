"""Products of rows: the gradient of a plain product, of what is trained alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import traced_flops
from itit_jax.models import products

ROWS, KERNEL = (
    jax.random.normal(jax.random.key(i), shape) for i, shape in enumerate(((6, 3), (3, 4)))
)


def loss(rows, kernel):
    return jnp.sum(jnp.sin(products.dot_general(rows, kernel, products.PLAIN)))


@pytest.mark.parametrize("argnums", [0, 1, (0, 1)])
def test_the_gradient_is_that_of_a_plain_product(argnums):
    plain = lambda rows, kernel: jnp.sum(jnp.sin(rows @ kernel))
    for make in (jax.grad, jax.jacrev):  # the second takes many gradients at once
        found = jax.jit(make(loss, argnums))(ROWS, KERNEL)
        wanted = make(plain, argnums)(ROWS, KERNEL)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), found, wanted
        )


def test_what_is_frozen_costs_no_product():
    one = 2 * 6 * 3 * 4
    for argnums, times in ((0, 2), (1, 2), ((0, 1), 3)):
        assert traced_flops.count(jax.grad(loss, argnums), ROWS, KERNEL) == times * one


def test_other_dimensions_are_those_of_jax():
    dimensions = (((0,), (0,)), ((), ()))
    found = products.dot_general(KERNEL, ROWS[:3], dimensions)
    np.testing.assert_allclose(found, KERNEL.T @ ROWS[:3], rtol=1e-6)


def test_on_a_cpu_rows_are_turned_before_their_product():
    program = jax.jit(jax.grad(loss, 1)).lower(ROWS, KERNEL)
    assert "optimization_barrier" in program.as_text()
    elsewhere = jax.jit(jax.grad(loss, 1)).trace(ROWS, KERNEL).lower(lowering_platforms=("tpu",))
    assert "optimization_barrier" not in elsewhere.as_text()
