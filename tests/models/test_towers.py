"""Towers: what is read, what is not, and their ends by formula; tests/weights holds them to
transformers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from itit_jax.models.towers import CLIP_PIXELS, SIGLIP_PIXELS, ImageTower, Probe, TextTower, Towers

END = 9
SIZES = dict(width=8, mlp_width=12, depth=1, heads=2, features=6, epsilon=1e-5, scan=False)
IDS = np.array([[3, 5, END, 4, END], [2, END, 7, 7, 7]])


def text_tower(end):
    return TextTower(10, 5, end=end, activation="gelu", **SIZES)


def image_tower(probe):
    return ImageTower(
        4, 2, probe=probe, pixels=SIGLIP_PIXELS if probe else CLIP_PIXELS, activation="quick_gelu",
        **SIZES | {"features": 0 if probe else 6},
    )  # fmt: skip


def random_variables(module, *inputs):
    rng = np.random.default_rng(0)  # without compiling an initialisation
    fresh = lambda x: rng.normal(0, 0.3, x.shape).astype(x.dtype)
    return jax.tree.map(fresh, jax.eval_shape(module.init, jax.random.key(0), *inputs))


def test_clip_reads_a_text_up_to_its_first_end_and_no_further():
    model = text_tower(END)
    variables = random_variables(model, IDS)
    features = jax.jit(lambda ids: model.apply(variables, ids))
    after = np.array([[3, 5, END, 1, 1], [2, END, END, 0, 3]])
    np.testing.assert_allclose(features(after), features(IDS), rtol=1e-5)
    for place in range(3):
        other = IDS.copy()
        other[0, place] = 6 if place < 2 else 8
        assert np.abs(features(other)[0] - features(IDS)[0]).max() > 1e-3


def test_siglip_reads_every_place_of_a_text():
    model = text_tower(None)
    variables = random_variables(model, IDS)
    features = jax.jit(lambda ids: model.apply(variables, ids))
    for place in range(5):
        other = IDS.copy()
        other[0, place] = 1
        assert np.abs(features(other)[0] - features(IDS)[0]).max() > 1e-3


@pytest.mark.parametrize("probe", [False, True])
def test_bytes_are_normalised_and_floats_are_taken_as_they_are(probe):
    model = image_tower(probe)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype(np.uint8)
    variables = random_variables(model, pixels)
    mean, deviation = model.pixels[:2]
    floats = ((pixels / 255 - mean) / deviation).astype(np.float32)
    features = jax.jit(lambda x: model.apply(variables, x))
    assert features(floats).shape == (2, 8 if probe else 6)
    np.testing.assert_allclose(features(pixels), features(floats), rtol=2e-5, atol=2e-5)


def test_the_probe_is_one_query_then_a_block_without_a_norm_before():
    model = Probe(heads=2, mlp_width=12, activation="quick_gelu", epsilon=1e-5)
    x = np.random.default_rng(0).normal(size=(1, 5, 8)).astype(np.float32)
    variables = random_variables(model, x)
    p = jax.tree.map(lambda a: np.asarray(a, np.float64), variables["params"])
    dense = lambda q, v: v @ q["kernel"] + q["bias"]
    query = dense(p["attention"]["query"], p["probe"][0]).reshape(2, 4)
    key, value = (dense(p["attention"][n], x[0]).reshape(5, 2, 4) for n in ("key", "value"))
    weights = np.exp(np.einsum("hk,nhk->hn", query, key) / 2)
    weights /= weights.sum(1, keepdims=True)
    mixed = np.einsum("hn,nhk->hk", weights, value).reshape(8)
    y = dense(p["attention"]["out"], mixed)
    normed = (y - y.mean()) / np.sqrt(y.var() + 1e-5) * p["norm"]["scale"] + p["norm"]["bias"]
    hidden = dense(p["mlp"]["up"], normed)
    want = y + dense(p["mlp"]["down"], hidden / (1 + np.exp(-1.702 * hidden)))
    np.testing.assert_allclose(model.apply(variables, x)[0], want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("siglip", [False, True])
def test_logits_are_scaled_cosines_and_siglip_adds_its_bias(siglip):
    model = Towers(image_tower(siglip), text_tower(None if siglip else END))
    params = {"logit_scale": jnp.log(3.0), "logit_bias": jnp.float32(-2.0)}
    image, text = np.array([[3.0, 4.0], [0.0, 2.0]]), np.array([[1.0, 0.0]])
    found = model.apply({"params": params}, image, text, method="logits")
    want = 3 * np.array([[0.6], [0.0]]) - (2 if siglip else 0)
    np.testing.assert_allclose(found, want, atol=1e-6)
