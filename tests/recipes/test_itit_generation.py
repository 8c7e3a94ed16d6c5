"""What ITIT's networks make, and what its making depends on."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from itit_jax import sharding, state
from itit_jax.recipes.itit import Recipe
from itit_jax.recipes.itit_generation import any_pixel
from tests import tiny

BATCH = tiny.batch()
TEXT, IDS = BATCH["texts"]["text"], BATCH["images"]["tokens"]


@functools.cache
def recipe(**changes):
    return Recipe(tiny.itit_config(**changes))


@functools.cache
def params():
    return tiny.parameters(recipe())


def test_greedy_captions_do_not_depend_on_the_key_and_sampled_ones_do():
    keys = [jax.random.key(i) for i in range(2)]
    for top_p, equal in ((0.0, True), (0.9, False)):
        caption = jax.jit(recipe(cycle__top_p=top_p).generation.caption_in_training)
        assert np.array_equal(*(caption(params(), IDS, key) for key in keys)) == equal


def test_guidance_zero_draws_like_the_conditional_model_and_guidance_changes_it():
    told, key = jax.jit(recipe().text_features)(params(), TEXT), jax.random.key(2)
    tokens = functools.partial(recipe().generation.draw_tokens, rounds=2, temperature=1.0)
    draw = lambda g: jax.jit(functools.partial(tokens, guidance=g))(params(), *told, key)
    np.testing.assert_array_equal(draw(0.0), draw(1e-9))
    assert np.any(draw(0.0) != draw(5.0))


def test_a_token_is_redrawn_if_any_of_its_pixels_is():
    pixels = np.zeros((2, 8, 8), bool)
    pixels[0, 3, 4] = pixels[1, 0, 0] = pixels[1, 7, 7] = True
    found = any_pixel(jnp.asarray(pixels), 4).reshape(2, 4, 4)
    assert np.argwhere(found).tolist() == [[0, 1, 2], [1, 0, 0], [1, 3, 3]]


@pytest.fixture(scope="module")
def edited():
    """Pictures, redraw and what became of them, of the network with random weights."""
    size = tiny.IMAGE
    images = np.random.default_rng(0).integers(0, 256, (8, size, size, 3)).astype(np.uint8)
    redraw = np.zeros((8, size, size), bool)
    redraw[1:, 1, 1] = redraw[2:, size // 2 :, 2:5] = True
    redraw[7] = True
    edit = jax.jit(recipe().edit)
    return images, redraw, lambda text=TEXT, key=3: np.asarray(
        edit(params(), images, text, redraw, jax.random.key(key))
    )


def test_pixels_outside_of_the_mask_stay_and_those_inside_are_drawn(edited):
    images, redraw, edit = edited
    found = edit()
    np.testing.assert_array_equal(found[~redraw], images[~redraw])
    assert (found[redraw] != images[redraw]).any(axis=-1).mean() > 0.9


def test_an_edit_reads_the_text_and_the_key(edited):
    _, redraw, edit = edited
    for other in (edit(TEXT[::-1]), edit(key=4)):
        assert (edit() != other).any() and (edit() == other)[~redraw].all()


def test_redrawing_everything_is_drawing(edited):
    images, _, _ = edited
    everywhere = np.ones(images.shape[:3], bool)
    key = jax.random.key(3)
    drawn = jax.jit(recipe().draw)(params(), TEXT, key)
    again = jax.jit(recipe().edit)(params(), images, TEXT, everywhere, key)
    np.testing.assert_array_equal(drawn, again)


def test_words_are_said_without_gathering_the_decoder_anew_for_each():
    mesh = sharding.make_mesh(1, 8, 1)
    config = recipe().config
    places = sharding.match(config.mesh.rules, params(), mesh)
    shared = state.placed(jax.eval_shape(params), places)
    ids = jax.ShapeDtypeStruct(IDS.shape, IDS.dtype, sharding=sharding.batch_sharding(mesh))
    with jax.set_mesh(mesh):
        caption = jax.jit(recipe().generation.caption_in_training)
        text = caption.lower(shared, ids, jax.random.key(0)).compile().as_text()
    assert "all-gather" in text, "the parameters are shared"
    assert "all-gather" not in "".join(loops(text))
    whole = jax.jit(recipe().generation.caption_in_training)(params(), IDS, jax.random.key(0))
    with jax.set_mesh(mesh):
        found = caption(*jax.device_put((params(), IDS), (places, ids.sharding)), jax.random.key(0))
    np.testing.assert_array_equal(found, whole)


def loops(text):
    """The bodies of all loops of a compiled program."""
    for name in re.findall(r"body=%?([\w.-]+)", text):
        yield re.search(rf"^%?{re.escape(name)} \(.*?^\}}", text, re.DOTALL | re.MULTILINE)[0]
