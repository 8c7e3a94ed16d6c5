"""Two towers: their contrast by hand, over all rows of a step on any mesh, and what they tell."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import traced_flops
from configs import towers
from itit_jax import config as settings
from itit_jax import sharding, state
from itit_jax.program import describe
from itit_jax.recipes.towers import Recipe, exchange
from tests import tiny

ROWS, WORDS, LENGTH = 8, 11, 5
CONTRASTS = {"siglip": "sigmoid", "clip": "infonce"}


def small(family="siglip", contrast=None, **mesh):
    c = towers.defaults()
    c.data.update(image_size=8, text_length=LENGTH)
    c.data.rows.caption = ROWS
    c.model.update(family=family, features=12, vocabulary_size=WORDS, scan=False)
    for tower in (c.model.image, c.model.text):
        tower.update(width=12, depth=1, heads=2, mlp_width=16)
    c.model.image.patch = 4
    c.loss.contrast = contrast or CONTRASTS[family]
    c.mesh.update(mesh)
    return c


def rows():
    rng = np.random.default_rng(0)
    text = rng.integers(2, WORDS, (ROWS, LENGTH)).astype(np.int32)
    text[:, -1] = 1
    return {"image": rng.integers(0, 256, (ROWS, 8, 8, 3)).astype(np.uint8), "text": text}


def parameters(recipe):
    params = tiny.filled(jax.eval_shape(recipe.init, jax.random.key(0)))
    params["tower"]["logit_scale"] = np.float32(2.0)
    return params


@pytest.mark.parametrize("family", CONTRASTS)
def test_the_loss_is_that_of_the_cosines_of_all_pictures_with_all_texts(family):
    recipe = Recipe(small(family))
    params = parameters(recipe)
    (images, texts) = (
        np.asarray(jax.jit(embed)(params, rows()[name]), np.float64)
        for embed, name in ((recipe.embed_images, "image"), (recipe.embed_texts, "text"))
    )
    logits = np.exp(2.0) * np.einsum("id,jd->ij", images, texts)
    own = np.eye(ROWS, dtype=bool)
    if family == "siglip":
        logits = logits + params["tower"]["logit_bias"]
        told = np.log1p(np.exp(np.where(own, -logits, logits))).sum() / ROWS
    else:
        log_shares = [logits - np.log(np.exp(logits).sum(a, keepdims=True)) for a in (0, 1)]
        told = -sum(x[own].mean() for x in log_shares) / 2
    loss = jax.jit(lambda p, b: recipe.loss(p, b, None, 0, p))
    found, metrics = loss(params, {"caption": rows()})
    np.testing.assert_allclose(found, told, rtol=1e-5)
    cosines = np.sum(images * texts, axis=1)
    np.testing.assert_allclose(metrics["cosine"], cosines.mean(), rtol=1e-4)
    scored = jax.jit(recipe.score)(params, rows(), None)
    np.testing.assert_allclose(scored["cosine"], cosines, rtol=1e-4, atol=1e-6)
    for vectors in (images, texts):
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-6)


def test_two_words_of_a_row_are_exchanged_and_neither_its_end_nor_its_padding():
    text = np.array([[5, 6, 7, 1, 0, 0], [8, 9, 1, 0, 0, 0], [4, 1] + 4 * [0], [1] + 5 * [0]])
    found = np.stack([exchange(jax.random.key(i), jnp.asarray(text)) for i in range(20)])
    assert {tuple(row) for row in found[:, 0, :3]} == {(6, 5, 7), (7, 6, 5), (5, 7, 6)}
    assert (found[:, 0, 3:] == text[0, 3:]).all()
    assert (found[:, 1] == [9, 8, 1, 0, 0, 0]).all()
    assert (found[:, 2:] == text[2:]).all(), "nothing to exchange"


def test_each_text_is_told_from_itself_with_two_words_exchanged():
    config = small()
    config.loss.exchanged = 0.5
    recipe, key = Recipe(config), jax.random.key(3)
    batch = {"caption": jax.tree.map(jnp.asarray, rows())}
    params = parameters(recipe)
    plain, _ = Recipe(small()).loss(params, batch, key, 0, params)
    found, metrics = recipe.loss(params, batch, key, 0, params)
    images = recipe.embed_images(params, rows()["image"])
    text = batch["caption"]["text"]
    own, other = (np.sum(images * recipe.embed_texts(params, some), axis=1, dtype=np.float64)
                  for some in (text, exchange(key, text)))  # fmt: skip
    told = np.log1p(np.exp(-np.exp(2.0) * (own - other))).mean()
    np.testing.assert_allclose(metrics["exchanged"], told, rtol=1e-5)
    np.testing.assert_allclose(found, plain + 0.5 * told, rtol=1e-5)


def loss_and_gradient(family, *sizes):
    """Of a step whose rows lie on a mesh of these sizes."""
    config = small(family, **dict(zip(sharding.AXES, sizes)))
    program = describe(config, jax.devices()[: np.prod(sizes)])
    params = jax.device_put(parameters(program.recipe), state.places(program.state.params))
    batch = jax.device_put({"caption": rows()}, sharding.batch_sharding(program.mesh))
    loss = lambda p, b: program.recipe.loss(p, b, None, 0, p)[0]
    with jax.set_mesh(program.mesh):
        return jax.device_get(jax.jit(jax.value_and_grad(loss))(params, batch))


@pytest.mark.parametrize("family", CONTRASTS)
@pytest.mark.parametrize("mesh", [(8, 1, 1), (2, 2, 2)])
def test_eight_devices_contrast_all_rows_as_one_device_does(family, mesh):
    alone, shared = (loss_and_gradient(family, *sizes) for sizes in ((1, 1, 1), mesh))
    near = lambda one, many: np.testing.assert_allclose(many, one, rtol=1e-5, atol=1e-5)
    jax.tree.map(near, alone, shared)


@pytest.mark.parametrize("family, contrast", [*CONTRASTS.items(), ("siglip", "infonce")])
def test_every_parameter_learns(family, contrast):
    recipe = Recipe(small(family, contrast))
    params = parameters(recipe)
    step = lambda p: recipe.loss(p, {"caption": rows()}, None, 0, p)[0]
    grads = jax.jit(jax.grad(step))(params)
    idle = {
        sharding.path_of(keys)
        for keys, leaf in jax.tree_util.tree_leaves_with_path(grads)
        if not jnp.any(leaf != 0)
    }
    # A bias that all logits share moves no softmax.
    assert idle == ({"tower/logit_bias"} if (family, contrast) == ("siglip", "infonce") else set())


def test_a_temperature_that_is_held_divides_the_cosines_and_learns_nothing():
    learned, config = Recipe(small("clip")), small("clip")
    config.loss.temperature = float(np.exp(-2.0))
    held, params = Recipe(config), parameters(learned)  # whose factor is exp(2)
    loss = lambda recipe: lambda p: recipe.loss(p, {"caption": rows()}, None, 0, p)[0]
    told, grads = jax.jit(jax.value_and_grad(loss(held)))(params)
    np.testing.assert_allclose(told, jax.jit(loss(learned))(params), rtol=1e-6)
    assert grads["tower"]["logit_scale"] == 0 and held.network.scale == pytest.approx(np.exp(2.0))


def test_the_factor_and_the_bias_begin_where_their_papers_say():
    begin = lambda *names: Recipe(small(*names)).network
    assert begin("clip").scale == begin("siglip", "infonce").scale == pytest.approx(1 / 0.07)
    network = begin("siglip")
    assert network.scale == 10 and network.bias == pytest.approx(-np.log(ROWS))
    params = jax.jit(Recipe(small()).init)(jax.random.key(0))["tower"]
    assert params["logit_scale"] == pytest.approx(np.log(10)) and params["logit_bias"] < -2


@pytest.mark.parametrize("family", CONTRASTS)
def test_the_formula_of_a_step_is_what_its_program_computes(family):
    recipe = Recipe(small(family))
    params = jax.eval_shape(recipe.init, jax.random.key(0))
    loss = lambda p: recipe.loss(p, {"caption": rows()}, None, 0, p)[0]
    told = sum(table.total for table in recipe.flops().values())
    assert traced_flops.count(jax.grad(loss), params) == told > 0


@pytest.mark.parametrize(
    "change, sentence",
    [
        ("data.rows.caption=1", "told from other pairs of its step; give at least 2 rows"),
        ("data.image_size=30", "model.image.patch = 8 does not divide"),
        ("model.text.heads=5", "model.text.width is 64, which model.text.heads = 5"),
        ("model.features=32", "model.image.width = 64 wide; make them equal"),
        ("model.family=clip", "set loss.contrast=infonce or model.family=siglip"),
    ],
)
def test_what_cannot_be_is_one_sentence(change, sentence):
    with pytest.raises(settings.ConfigError, match=sentence):
        settings.load("configs/towers_tiny.py", overrides=[change])
