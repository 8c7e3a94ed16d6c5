"""Both losses of the comparison are of the recipe as it is, and more to keep is more bytes."""

import jax
import jax.numpy as jnp
import pytest

from benchmarks import cycle_memory
from itit_jax.recipes.itit import Recipe
from tests import tiny


@pytest.mark.parametrize(
    "loss", [cycle_memory.single_step, lambda recipe: cycle_memory.all_rounds(recipe, 2)]
)
def test_both_losses_have_a_gradient_of_every_parameter_s_shape(loss):
    recipe = Recipe(tiny.itit_config())
    params = jax.eval_shape(recipe.init, jax.random.key(0))
    text = jax.ShapeDtypeStruct((2, tiny.LENGTH), jnp.int32)
    grads = jax.eval_shape(jax.grad(loss(recipe)), params, text)
    assert jax.tree.map(lambda x: x.shape, grads) == jax.tree.map(lambda x: x.shape, params)


def test_what_a_gradient_has_to_keep_is_counted():
    def chain(count):
        def loss(params, x):
            for _ in range(count):
                x = jnp.tanh(x @ params)
            return x.sum()

        return loss

    shape = jax.ShapeDtypeStruct((64, 64), jnp.float32)
    few, many = (cycle_memory.temporary_bytes(chain(n), shape, shape) for n in (2, 12))
    assert many - few >= 8 * 64 * 64 * 4
