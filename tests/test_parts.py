"""A run starts from the weight files that its config names."""

import types

import jax
import numpy as np
import pytest

from configs import ernie_vilg_tiny
from data_pipelines.errors import UserError
from itit_jax import parts
from itit_jax.program import describe
from itit_jax.recipes import base
from itit_jax.recipes.itit import Recipe
from itit_jax.serve import export
from itit_jax.weights import load as weights
from itit_jax.workdir import Workdir
from tests import tiny
from tests.serve import exported


@pytest.mark.parametrize("trainable", [True, False])
def test_text_encoder_and_tokenizer_start_from_published_layouts(trainable, tmp_path):
    given = tiny.parameters(Recipe(tiny.itit_config()))
    weights.save(given["text_encoder"], "t5", tmp_path / "t5.safetensors")
    weights.save(given["tokenizer"], "itit_jax", tmp_path / "vq.safetensors")
    config = tiny.itit_config(
        text_encoder__trainable=trainable,
        text_encoder__weights=str(tmp_path / "t5.safetensors"),
        tokenizer__weights=str(tmp_path / "vq.safetensors"),
        optimizer__ema_decay=0.9,
    )
    begun, frozen = begin(config)
    found = begun.params | frozen
    for name in ("text_encoder", "tokenizer"):
        jax.tree.map(np.testing.assert_array_equal, found[name], given[name])
    if trainable:
        jax.tree.map(np.testing.assert_array_equal, begun.ema, begun.params)


VQ = """
from configs import vq


def get_config():
    c = vq.defaults()
    c.data.rows.images = 1
    c.model.update(layout="maskgit", base_channels=8, channel_multipliers=(1, 2, 1), res_blocks=1)
    c.model.update(attention_resolutions=(), latent_channels=4, code_width=4, codes=16)
    return c
"""


def test_itit_sees_through_maskgit_s_tokenizer(tmp_path):
    (tmp_path / "vq.py").write_text(VQ)
    file = tmp_path / "tokenizer_imagenet256_checkpoint"
    where = dict(tokenizer__weights=str(file), tokenizer__config=str(tmp_path / "vq.py"))
    config = tiny.itit_config(text_encoder__trainable=True, **where)
    recipe = Recipe(config)
    given = tiny.filled(jax.eval_shape(recipe.init, jax.random.key(0))["tokenizer"])
    weights.save(given, "maskgit", file)
    frozen = parts.load_frozen(recipe, describe(config).frozen)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    ids = recipe.image_ids(frozen, {"image": images})
    encode = jax.jit(lambda p, x: recipe.tokenizer.apply({"params": p}, x, method="encode"))
    np.testing.assert_array_equal(ids, encode(given, images / 127.5 - 1))
    assert ids.shape == (2, 64) and len(set(np.asarray(ids).ravel().tolist())) > 4


def test_a_frozen_part_without_weights_is_one_sentence():
    with pytest.raises(UserError, match="set --config.*weights"):
        begin(tiny.itit_config(text_encoder__trainable=False))


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
    begun, frozen = begin(config)
    for name, part in (("text_encoder", begun.params), ("tokenizer", frozen)):
        jax.tree.map(np.testing.assert_array_equal, part[name], given.params[name])


def test_a_part_starts_as_the_piece_of_a_frozen_one_that_it_copies(tmp_path):
    config = ernie_vilg_tiny.get_config()
    config.data.rows.update(draw=8, caption=8)
    config.model.update(width=16, depth=1, heads=2, mlp_width=16, reconstructor="both")
    config.tokenizer.weights = str(tmp_path / "vq.safetensors")
    shapes = jax.eval_shape(base.find(config).init, jax.random.key(0))
    given = tiny.filled(shapes["tokenizer"])
    weights.save(given, "itit_jax", tmp_path / "vq.safetensors")
    begun, _ = begin(config)
    for tree in (begun.params["reconstructor"], begun.ema["reconstructor"]):
        assert tree.keys() == {"decoder", "post_quant_conv"}
        for name, piece in tree.items():
            jax.tree.map(np.testing.assert_array_equal, piece, given[name])


def begin(config):
    program = describe(config)
    frozen = parts.load_frozen(program.recipe, program.frozen)
    return parts.begin(program, config.seed), frozen


class Growing:
    """Checkpoints of a live run: whenever the newest is asked for, there is a newer one."""

    last = 0

    def __init__(self, run):
        del run

    def whole_step(self):
        Growing.last += 1
        return Growing.last

    def restore_part(self, section, name, abstract, step=None):
        del section, name, abstract
        return step or self.whole_step()


def test_beside_a_live_run_all_parts_are_of_the_step_that_is_told(monkeypatch, tmp_path):
    recipe = types.SimpleNamespace(trainable=("a", "b"), weights_from={})
    monkeypatch.setattr(parts, "Checkpoints", Growing)
    monkeypatch.setattr(parts, "abstract_local", lambda *_: {"a": 0, "b": 0})
    config = tiny.itit_config()
    Workdir(tmp_path).keep_config(config)
    assert parts.restore_params(recipe, config, tmp_path) == ({"a": 1, "b": 1}, 1)
