"""What a recipe promises and what it may be able to do beside."""

import jax
import jax.numpy as jnp
import pytest

from itit_jax import config as settings
from itit_jax.config import ConfigError
from itit_jax.recipes import base

ABILITIES = {
    "itit": {base.Draws, base.Captions, base.Encodes, base.Publishes},
    "ernie_vilg": {base.Draws, base.Captions, base.Encodes, base.Publishes},
    "vq": set(),
    "classifier": {base.Features, base.Encodes},
    "towers": {base.Features, base.Encodes, base.Embeds, base.Publishes},
}
EVERY = (base.Draws, base.Captions, base.Features, base.Embeds, base.Encodes, base.Publishes)


def load(name, *overrides):
    return settings.load(f"configs/{name}_tiny.py", overrides=overrides)


@pytest.mark.parametrize("name", ABILITIES)
def test_a_config_finds_its_recipe_and_that_keeps_the_contract(name):
    recipe = base.find(load(name))
    assert type(recipe).__module__ == f"itit_jax.recipes.{name}"
    parts = jax.eval_shape(recipe.init, jax.random.key(0))
    assert recipe.trainable and set(recipe.trainable) <= parts.keys()
    assert parts.keys() - set(recipe.trainable) <= recipe.weights_from.keys()
    assert {ability for ability in EVERY if isinstance(recipe, ability)} >= ABILITIES[name]
    for encoding in getattr(recipe, "encodings", {}).values():
        assert encoding.reads in ("image", "text") and set(encoding.parts) <= parts.keys()


def test_a_tokenizer_does_not_draw_and_a_classifier_does_not_caption():
    assert not isinstance(base.find(load("vq")), base.Draws | base.Captions | base.Features)
    assert not isinstance(base.find(load("classifier")), base.Draws | base.Captions)


def test_a_recipe_that_nobody_declared_is_one_sentence():
    sentence = "recipe is 'c4'; set it to one of c3, classifier, ernie_vilg, itit, towers, vq"
    with pytest.raises(ConfigError, match=sentence):
        base.find(type("Config", (), {"recipe": "c4"}))


STREAMS = {"draw": ("image", "text"), "images": ("image",), "texts": ("text",)}


def test_a_batch_is_the_streams_that_have_rows():
    config = load("itit", "data.rows.draw=2", "data.rows.images=3", "data.rows.texts=5",
                  "data.image_size=16", "data.text_length=7")  # fmt: skip
    shape = jax.ShapeDtypeStruct
    assert base.batch_spec(config, STREAMS, tokens=9) == {
        "draw": {"image": shape((2, 16, 16, 3), jnp.uint8), "text": shape((2, 7), jnp.int32)},
        "images": {"image": shape((3, 16, 16, 3), jnp.uint8)},
        "texts": {"text": shape((5, 7), jnp.int32)},
    }
    config = load("itit", "data.rows.images=0", "cycle.mode=none", "data.rows.draw=2")
    assert base.batch_spec(config, STREAMS).keys() == {"draw", "texts"}


def test_tokens_stand_for_pixels_where_the_data_set_is_encoded_and_the_recipe_reads_them():
    config = load("itit", "data.tokens=encoded", "data.rows.images=3")
    assert base.batch_spec(config, STREAMS, tokens=9)["images"] == {
        "tokens": jax.ShapeDtypeStruct((3, 9), jnp.int32)
    }
    assert base.batch_spec(config, STREAMS)["images"].keys() == {"image"}


def test_rows_are_those_of_one_global_step():
    recipe = base.find(load("classifier", "data.rows.caption=6", "data.rows.draw=2"))
    assert base.rows(recipe) == {"draw": 2, "caption": 6}
