"""The tokenizer's terms by hand, who learns from which, and what a step of them costs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import traced_flops
from configs import vq
from itit_jax import sharding, state
from itit_jax.program import describe
from itit_jax.recipes.vq import Recipe
from tests import tiny

CODES = 12


def config(**losses):
    c = vq.defaults()
    c.data.image_size = 8
    c.data.rows.images = 2
    c.model.update(base_channels=4, channel_multipliers=(1, 1), res_blocks=1, codes=CODES)
    c.model.update(attention_resolutions=(), latent_channels=4, code_width=3)
    c.loss.update(losses)
    return c


RECIPE = Recipe(config(l1=0.5, l2=2.0, codebook=3.0, commitment=0.25, revive=0.1))
PARAMS = tiny.filled(jax.eval_shape(RECIPE.init, jax.random.key(0)))
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3)).astype(np.uint8)
BATCH = {"draw": {"image": IMAGES[:1]}, "images": {"image": IMAGES[1:]}}


@pytest.fixture(scope="module")
def seen():
    """What the network makes of the pictures, in numpy."""
    apply = jax.jit(lambda p, x: RECIPE.tokenizer.apply({"params": p}, x))
    return [np.asarray(x) for x in apply(PARAMS["tokenizer"], IMAGES / np.float32(127.5) - 1)]


@pytest.fixture(scope="module")
def told():
    """(loss, terms), and the gradients of two terms alone."""
    every = lambda p: RECIPE.loss(p, BATCH, jax.random.key(0), 0, None)
    slope = lambda name, p: jax.grad(lambda p: every(p)[1][name])(p)["tokenizer"]
    return jax.jit(lambda p: (every(p), slope("codebook", p), slope("commitment", p)))(PARAMS)


def test_terms_and_their_weighted_sum_are_those_computed_by_hand(seen, told):
    rebuilt, latents, quantised, ids = seen
    (loss, found), *_ = told
    error = rebuilt - (IMAGES / 127.5 - 1)
    distance = np.mean((latents - quantised) ** 2)
    wanted = {"l1": np.mean(np.abs(error)), "l2": np.mean(error**2),
              "codebook": distance, "commitment": distance}  # fmt: skip
    for name, value in wanted.items():
        assert float(found[name]) == pytest.approx(value, rel=1e-4), name
    total = 0.5 * wanted["l1"] + 2 * wanted["l2"] + 3.25 * distance + 0.1 * float(found["revive"])
    assert float(loss) == float(found["loss"]) == pytest.approx(total, rel=1e-4)
    assert float(found["codes_used"]) == pytest.approx(len(np.unique(ids)) / CODES)


def test_codes_are_drawn_to_latents_and_latents_to_codes(seen, told):
    _, latents, quantised, ids = seen
    _, codebook, commitment = told
    table = np.zeros((CODES, 3))
    np.add.at(table, ids.reshape(-1), 2 * (quantised - latents).reshape(-1, 3) / latents.size)
    np.testing.assert_allclose(codebook["quantize"]["embedding"], table, rtol=1e-3, atol=1e-6)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(codebook["encoder"]))
    assert not np.any(commitment["quantize"]["embedding"])
    assert np.any(commitment["quant_conv"]["kernel"])


def test_scores_are_those_of_each_picture(seen):
    error = seen[0] - (IMAGES / 127.5 - 1)
    found = jax.jit(RECIPE.score)(PARAMS, {"image": IMAGES}, None)
    np.testing.assert_allclose(found["l1"], np.abs(error).mean((1, 2, 3)), rtol=1e-4)
    np.testing.assert_allclose(found["l2"], (error**2).mean((1, 2, 3)), rtol=1e-4)
    again = np.clip(np.round((seen[0] + 1) * 127.5), 0, 255)
    assert found["rebuilt"].dtype == jnp.uint8 and np.abs(found["rebuilt"] - again).max() <= 1


def test_a_critic_is_a_part_only_where_it_is_asked():
    assert RECIPE.trainable == ("tokenizer",)
    asked = Recipe(config(perceptual=1.0))
    assert asked.trainable == ("tokenizer", "discriminator")
    parts = jax.eval_shape(asked.init, jax.random.key(0))
    assert parts.keys() == {"tokenizer", "discriminator"}


def test_eight_devices_have_the_loss_and_the_gradient_of_one():
    c = config(l1=0.5, l2=2.0)
    c.data.rows.images = 4

    def on(devices):
        program = describe(c, devices)
        params = jax.device_put(PARAMS, state.places(program.state.params))
        batch = {"images": {"image": np.concatenate([IMAGES, IMAGES[:1]])}}
        batch = jax.device_put(batch, sharding.batch_sharding(program.mesh))
        loss = lambda p, b: program.recipe.loss(p, b, jax.random.key(0), 0, None)[0]
        with jax.set_mesh(program.mesh):
            return jax.device_get(jax.jit(jax.value_and_grad(loss))(params, batch))

    one = on(jax.devices()[:1])
    c.mesh.update(data=2, fsdp=2, tensor=2)
    near = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    jax.tree.map(near, on(jax.devices()), one)


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
