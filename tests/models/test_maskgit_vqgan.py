"""MaskGIT's tokenizer as a drop-in for the other one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import vq
from itit_jax.models import tokenizers
from itit_jax.models.maskgit_vqgan import MaskGITVQGAN, ResBlock
from itit_jax.models.vqgan import VQGAN
from itit_jax.recipes.vq import Recipe
from tests.tiny import filled


def config():
    c = vq.defaults()
    c.data.image_size = 8
    c.data.rows.images = 2
    c.model.update(layout="maskgit", base_channels=8, channel_multipliers=(1, 2), res_blocks=1)
    c.model.update(attention_resolutions=(), latent_channels=4, code_width=4, codes=16)
    return c


def test_a_step_of_the_tokenizer_s_recipe_moves_every_parameter():
    recipe = Recipe(config())
    params = filled(jax.eval_shape(recipe.init, jax.random.key(0)))
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype(np.uint8)
    loss = lambda p: recipe.loss(p, {"images": {"image": images}}, jax.random.key(1), 0, p)[0]
    for path, slope in jax.tree_util.tree_leaves_with_path(jax.jit(jax.grad(loss))(params)):
        assert np.isfinite(slope).all() and np.abs(slope).max() > 0, path


@pytest.mark.parametrize(
    ("layout", "network", "unit_pixels"),
    [("taming", VQGAN, False), ("amused", VQGAN, True), ("maskgit", MaskGITVQGAN, True)],
)
def test_the_layout_chooses_the_network_and_its_pixels(layout, network, unit_pixels):
    c = config()
    c.model.layout = layout
    net = tokenizers.from_config(c.model)
    assert type(net) is network and net.unit_pixels is unit_pixels


def test_decoding_the_ids_gives_the_reconstruction():
    net = tokenizers.from_config(config().model)
    x = jax.random.uniform(jax.random.key(0), (2, 8, 8, 3), minval=-1)
    params = filled(jax.eval_shape(net.init, jax.random.key(1), x))
    rebuilt, z, _, ids = jax.jit(net.apply)(params, x)
    assert net.factor == 2 and net.codes == 16 and z.shape == (2, 4, 4, 4)
    flat = jax.jit(lambda p, x: net.apply(p, x, method="encode"))(params, x)
    assert flat.dtype == jnp.int32
    np.testing.assert_array_equal(flat, np.asarray(ids).reshape(2, 16))
    again = jax.jit(lambda p, i: net.apply(p, i, method="decode"))(params, flat)
    np.testing.assert_allclose(again, rebuilt, rtol=1e-4, atol=1e-4)


def test_a_block_that_changes_the_channels_forgets_its_input():
    """Its shortcut convolves its branch; with the branch at 0 nothing is left, not even x."""
    block, x = ResBlock(6), jnp.ones((1, 4, 4, 3))
    params = filled(jax.eval_shape(block.init, jax.random.key(0), x))["params"]
    assert params["nin_shortcut"]["kernel"].shape == (1, 1, 6, 6)
    params["conv2"]["kernel"] *= 0
    np.testing.assert_array_equal(jax.jit(block.apply)({"params": params}, x), 0)
