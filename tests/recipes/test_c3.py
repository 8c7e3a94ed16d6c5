"""C3: what each half reads, where no gradient goes, and that its methods are two keys."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import traced_flops
from configs import c3, c3_tiny
from itit_jax import config as settings
from itit_jax.program import describe
from itit_jax.recipes import base
from itit_jax.recipes.c3 import Recipe
from tests import tiny

SIZE, LENGTH, ROWS = 32, 24, 4


def small(**rows):
    c = c3_tiny.get_config()
    c.data.rows.update({"texts": ROWS, "images": ROWS, "caption": 0} | rows)
    c.model.captioner.update(prefix=2, width=16, depth=1, heads=2, mlp_width=16)
    c.model.drawer.update(width=16, depth=1, image_depth=1, heads=2, mlp_width=16)
    c.decode.rounds = 2
    return c


def batch(recipe, seed=0):
    rng = np.random.default_rng(seed)
    fill = {
        jnp.uint8: lambda shape: rng.integers(0, 256, shape).astype(np.uint8),
        jnp.int32: lambda shape: rng.integers(2, 256, shape).astype(np.int32),
    }
    fill = {jnp.dtype(kind): make for kind, make in fill.items()}
    return {name: {key: fill[a.dtype](a.shape) for key, a in arrays.items()}
            for name, arrays in recipe.batch_spec.items()}  # fmt: skip


def parameters(recipe):
    return tiny.filled(jax.eval_shape(recipe.init, jax.random.key(0)))


def test_a_captioner_reads_texts_alone_and_a_drawer_pictures_alone():
    captioner, drawer = Recipe(small(images=0)), Recipe(small(texts=0))
    assert {n: set(a) for n, a in captioner.batch_spec.items()} == {"texts": {"text"}}
    assert {n: set(a) for n, a in drawer.batch_spec.items()} == {"images": {"image"}}
    assert captioner.trainable == ("mapper", "decoder") and drawer.trainable == ("drawer",)
    shapes = jax.eval_shape(captioner.init, jax.random.key(0))
    assert shapes.keys() == {"mapper", "decoder", "tower", "means"}  # no tokenizer has to be there


def test_each_loss_is_that_of_its_half():
    recipe = Recipe(small(caption=ROWS))
    params, rows = parameters(recipe), batch(recipe)
    trained = {part: params[part] for part in recipe.trainable}
    names = ("caption", "pairs", "draw")

    def losses(trained):
        told = recipe.loss(params | trained, rows, jax.random.key(0), 0, params)[1]
        return {name: told[name] for name in names}

    grads = jax.jit(jax.jacrev(losses))(trained)
    moved = lambda name: {part for part, tree in grads[name].items()
                          if any(np.any(leaf) for leaf in jax.tree.leaves(tree))}  # fmt: skip
    assert moved("caption") == moved("pairs") == {"mapper", "decoder"}
    assert moved("draw") == {"drawer"}


def test_a_step_leaves_tower_means_and_tokenizer_alone():
    program = describe(small(), jax.devices()[:1])
    assert program.state.params.keys() == {"mapper", "decoder", "drawer"}
    assert program.frozen.keys() == {"tower", "means", "tokenizer"}


@pytest.mark.parametrize("collapse", [True, False])
@pytest.mark.parametrize("corrupt", ["none", "gaussian", "lafite"])
def test_the_methods_are_two_keys(collapse, corrupt):
    config = small(images=0)
    config.condition.update(collapse=collapse, corrupt=corrupt)
    recipe = Recipe(config)
    params, rows = parameters(recipe), batch(recipe)["texts"]
    loss = jax.jit(recipe.caption_loss)
    plain = loss(params, rows, jax.random.key(0))
    other_key = loss(params, rows, jax.random.key(1))
    moved = params | {"means": jax.tree.map(lambda m: m + 0.3, params["means"])}
    assert (plain == other_key) == (corrupt == "none")
    assert (plain == loss(moved, rows, jax.random.key(0))) == (not collapse)


def test_captions_and_drawings_take_the_mean_of_their_own_modality_and_no_noise():
    recipe = Recipe(small())
    params = parameters(recipe)
    params["means"] = {"image": np.full(64, 0.1), "text": np.full(64, -0.2)}
    images, text = batch(recipe)["images"]["image"], batch(recipe)["texts"]["text"]
    unit = lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)
    seen, read = recipe.embed_images(params, images), recipe.embed_texts(params, text)
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    close(recipe.condition(params, seen, "image"), unit(np.asarray(seen) - 0.1))
    close(recipe.condition(params, read, "text"), unit(np.asarray(read) + 0.2))
    caption = jax.jit(recipe.caption)
    np.testing.assert_array_equal(
        caption(params, images, jax.random.key(0)), caption(params, images, jax.random.key(1))
    )
    drawn = jax.jit(recipe.draw)(params, text, jax.random.key(0))
    assert drawn.shape == (ROWS, SIZE, SIZE, 3) and drawn.dtype == np.uint8
    assert isinstance(recipe, base.Draws | base.Captions | base.Means)


@pytest.mark.parametrize("rows", [dict(), dict(images=0), dict(texts=0), dict(caption=3)])
def test_flops_are_those_of_the_traced_step(rows):
    recipe = Recipe(small(**rows))
    params, data = parameters(recipe), batch(recipe)

    def loss(trained):
        return recipe.loss(params | trained, data, jax.random.key(0), 0, params)[0]

    trained = {name: params[name] for name in recipe.trainable}
    told = sum(found.total for found in recipe.flops().values())
    assert traced_flops.count(jax.grad(loss), trained) == told > 0


@pytest.mark.parametrize(
    "change, sentence",
    [
        (dict(rows=dict(texts=0, images=0)), "nothing is trained"),
        (dict(rows=dict(draw=4)), "set data.rows.draw=0"),
        (dict(tokens="somewhere"), "take data.tokens out"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence(change, sentence):
    config = small()
    config.data.rows.update(change.get("rows", {}))
    config.data.tokens = change.get("tokens", "")
    with pytest.raises(settings.ConfigError, match=sentence):
        settings.check(config)


def test_a_tower_of_other_sizes_is_one_sentence():
    from configs import towers_tiny

    tower, config = towers_tiny.get_config(), small()
    assert c3.tower_reads_this_data(config, tower) is None
    config.data.text_length = 30
    assert "set --config.data.text_length=24" in c3.tower_reads_this_data(config, tower)
