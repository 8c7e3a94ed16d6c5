"""Towers of a run: the same vectors as its recipe gives, at any step that is there."""

import jax
import numpy as np
import pytest

from data_pipelines.errors import UserError
from data_pipelines.images import fit
from itit_jax import inputs, parts
from itit_jax.recipes import base
from itit_jax.towers.trained import open_towers
from itit_jax.workdir import Workdir

PICTURES = [
    np.random.default_rng(i).integers(0, 256, (16 + i, 20, 3)).astype(np.uint8) for i in range(3)
]
TEXTS = ["a big red circle", "a small blue square at the top left", ""]


def test_vectors_are_those_of_the_recipe(towers_run):
    run = Workdir(towers_run)
    config = run.config()
    recipe = base.find(config)
    params, step = parts.restore_params(recipe, config, run)
    words = inputs.kept_vocabulary(run)
    ids = np.stack([words.encode(text, config.data.text_length) for text in TEXTS])
    pixels = np.stack([fit(picture, config.data.image_size) for picture in PICTURES])
    towers = open_towers(towers_run)
    assert towers.step == step == 4
    found = towers.image_features(PICTURES), towers.text_features(TEXTS)
    told = jax.jit(recipe.embed_images)(params, pixels), jax.jit(recipe.embed_texts)(params, ids)
    for one, other in zip(found, told):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_run_can_be_looked_at_from_its_start_on(towers_run):
    towers = open_towers(towers_run)
    assert towers.steps() == [0, 2, 4]
    seen = {}
    for step in (*towers.steps(), None):
        towers.take(step)
        seen[step] = towers.signature, towers.text_features(TEXTS)
    assert seen[None][0] == seen[4][0] and len({name for name, _ in seen.values()}) == 3
    np.testing.assert_array_equal(seen[None][1], seen[4][1])
    assert np.abs(seen[4][1] - seen[0][1]).max() > 1e-4


def test_a_run_without_towers_is_one_sentence(classifier):
    with pytest.raises(UserError, match="is a run of classifier, which has no towers"):
        open_towers(classifier)
