"""A run starts from the weight files that its config names."""

import jax
import numpy as np
import pytest

from itit_jax import optimizers, sharding, state
from itit_jax.checkpoints import Checkpoints
from itit_jax.config import ConfigError
from itit_jax.recipes.itit import Recipe
from itit_jax.report import Report
from itit_jax.serve import export
from itit_jax.weights import load as weights
from tests import tiny
from tests.weights import exported


@pytest.mark.parametrize("trainable", [True, False])
def test_text_encoder_and_tokenizer_start_from_published_layouts(trainable, tmp_path):
    given = tiny.randomised(Recipe(tiny.itit_config()).init(jax.random.key(7)))
    weights.save(given["text_encoder"], "t5", tmp_path / "t5.safetensors")
    weights.save(given["tokenizer"], "itit_jax", tmp_path / "vq.safetensors")
    config = tiny.itit_config(
        text_encoder__trainable=trainable,
        text_encoder__weights=str(tmp_path / "t5.safetensors"),
        tokenizer__weights=str(tmp_path / "vq.safetensors"),
        optimizer__ema_decay=0.9,
    )
    begun, frozen = begin(config, tmp_path)
    parts = begun.params | frozen
    for name in ("text_encoder", "tokenizer"):
        jax.tree.map(np.testing.assert_array_equal, parts[name], given[name])
    if trainable:
        jax.tree.map(np.testing.assert_array_equal, begun.ema, begun.params)


def test_a_frozen_part_without_weights_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="set --config.*weights"):
        begin(tiny.itit_config(text_encoder__trainable=False), tmp_path)


def test_a_run_starts_from_the_parts_of_an_export(tmp_path):
    given = exported.trained(tmp_path)
    export.write(given, tmp_path / "out")
    config = tiny.itit_config(
        text_encoder__trainable=True,
        text_encoder__weights=str(tmp_path / "out" / "text_encoder"),
        tokenizer__weights=str(tmp_path / "out" / "vqvae"),
        tokenizer__config="configs/vq_tiny.py",  # of other sizes: what the export says counts
        text_encoder__layers=2,
        model__vocabulary_size=exported.PIECES,
        data__image_size=exported.SIDE,
    )
    begun, frozen = begin(config, tmp_path)
    for name, part in (("text_encoder", begun.params), ("tokenizer", frozen)):
        jax.tree.map(np.testing.assert_array_equal, part[name], given.params[name])


def begin(config, tmp_path):
    recipe = Recipe(config)
    optimizer = optimizers.make(config.optimizer, config.train.steps)
    report = Report(tmp_path, config.train.steps, 10)
    return state.begin(
        recipe, optimizer, config, sharding.make_mesh(), Checkpoints(tmp_path), report
    )
