"""The tokenizer's objectives: what a step of them costs."""

import jax
import jax.numpy as jnp
import pytest

from configs import vq
from itit_jax.recipes.vq import Recipe
from tests import traced_flops


@pytest.mark.parametrize("adversarial, perceptual", [(0.0, 0.0), (0.1, 0.0), (0.0, 0.5)])
def test_the_formula_of_a_step_is_what_its_program_computes(adversarial, perceptual):
    c = vq.defaults()
    c.data.image_size = 16
    c.data.rows.update(draw=2, images=3)
    c.model.update(base_channels=8, channel_multipliers=(1, 2), res_blocks=1, codes=11)
    c.model.update(attention_resolutions=(8,), latent_channels=6, code_width=4)
    c.loss.update(adversarial=adversarial, perceptual=perceptual)
    recipe = Recipe(c)
    batch = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), recipe.batch_spec)
    params = jax.eval_shape(recipe.init, jax.random.key(0))
    loss = lambda p: recipe.loss(p, batch, jax.random.key(0), 5, p)[0]
    table = recipe.flops()
    assert ("critic" in table) == bool(adversarial + perceptual)
    assert traced_flops.count(loss, params) == sum(f.forward for f in table.values())
    assert traced_flops.count(jax.grad(loss), params) == sum(f.total for f in table.values())
