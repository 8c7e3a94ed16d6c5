"""Settings beside weights: what our networks do is taken, all else is named."""

import functools
import json

import jax
import jax.numpy as jnp
import pytest

from data_pipelines.errors import UserError
from itit_jax.models.gpt2 import GPT2
from itit_jax.models.maskgit_vqgan import MaskGITVQGAN
from itit_jax.models.t5 import T5Encoder
from itit_jax.models.vqgan import VQGAN
from itit_jax.sharding import path_of
from itit_jax.weights import load as weights
from itit_jax.weights import settings, sizes
from itit_jax.weights.containers.tensors import Tensor
from itit_jax.weights.told import t5_config, vqmodel_config
from tests.weights.networks import t5, t5_params, vqgan

# As transformers 4 and 5 and diffusers write them.
T5_OF_HUB = {
    "architectures": ["T5ForConditionalGeneration"], "d_ff": 1024, "d_kv": 64, "d_model": 512,
    "decoder_start_token_id": 0, "dropout_rate": 0.1, "eos_token_id": 1,
    "feed_forward_proj": "gated-gelu", "initializer_factor": 1.0, "is_encoder_decoder": True,
    "layer_norm_epsilon": 1e-06, "model_type": "t5", "num_decoder_layers": 8, "num_heads": 6,
    "num_layers": 8, "output_past": True, "pad_token_id": 0, "relative_attention_num_buckets": 32,
    "tie_word_embeddings": False, "vocab_size": 32128,
}  # fmt: skip
AMUSED = {
    "_class_name": "VQModel", "_diffusers_version": "0.25.0.dev0", "act_fn": "silu",
    "block_out_channels": [128, 256, 256, 512, 768], "down_block_types": ["DownEncoderBlock2D"] * 5,
    "force_upcast": True, "in_channels": 3, "latent_channels": 64, "layers_per_block": 2,
    "lookup_from_codebook": True, "mid_block_add_attention": False, "norm_num_groups": 32,
    "norm_type": "group", "num_vq_embeddings": 8192, "out_channels": 3, "sample_size": 32,
    "scaling_factor": 0.18215, "up_block_types": ["UpDecoderBlock2D"] * 5, "vq_embed_dim": None,
}  # fmt: skip
GPT2_OF_HUB = {
    "activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1,
    "layer_norm_epsilon": 1e-05, "model_type": "gpt2", "n_ctx": 1024, "n_embd": 768, "n_head": 12,
    "n_layer": 12, "n_positions": 1024, "vocab_size": 50257, "initializer_range": 0.02,
    "n_special": 0, "predict_special_tokens": True, "summary_type": "cls_index",
    "task_specific_params": {"text-generation": {"max_length": 50}},
}  # fmt: skip


MUSE = {
    "_class_name": "MaskGitVQGAN", "_version": "0.0.1", "attn_resolutions": [16],
    "channel_mult": [1, 1, 2, 2, 4], "commitment_cost": 0.25, "dropout": 0.0,
    "hidden_channels": 128, "num_channels": 3, "num_embeddings": 1024, "num_res_blocks": 2,
    "quantized_embed_dim": 256, "resample_with_conv": True, "resolution": 256, "z_channels": 256,
}  # fmt: skip
WORDS = jax.ShapeDtypeStruct((1, 3), jnp.int32)
# The networks of those settings, and what they read.
OF_HUB = {
    "t5": (T5Encoder(32128, 512, 1024, 8, 6, 64, scan=False), WORDS, WORDS),
    "diffusers_vq": (VQGAN(128, (1, 2, 2, 4, 6), 2, (), 64, 8192, 64),
                     jax.ShapeDtypeStruct((1, 16, 16, 3), jnp.float32)),
    "gpt2": (GPT2(768, 12, 12, 3072, 50257, 1024, scan=False),
             jax.ShapeDtypeStruct((1, 1, 768), jnp.float32), WORDS),
    "open_muse": (MaskGITVQGAN(128, (1, 1, 2, 2, 4), 2, (), 256, 1024, 256),
                  jax.ShapeDtypeStruct((1, 16, 16, 3), jnp.float32)),
}  # fmt: skip


@functools.cache
def tensors(network, *inputs):
    """{our path: Tensor} of a network, without any numbers."""
    shapes = jax.eval_shape(network.init, jax.random.key(0), *inputs)["params"]
    leaves = jax.tree_util.tree_leaves_with_path(shapes)
    return {path_of(place): Tensor(leaf.shape, leaf.dtype, None) for place, leaf in leaves}


def told(folder, kind, config, *network):
    """What is said of such settings beside weights of this kind; "" if they are taken."""
    (folder / "config.json").write_text(json.dumps(config))
    found = tensors(*network or OF_HUB[kind]) if kind in OF_HUB else {}
    try:
        settings.check(folder / "model.safetensors", kind, found)
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "kind, config",
    [
        ("t5", T5_OF_HUB),
        ("diffusers_vq", AMUSED),
        ("gpt2", GPT2_OF_HUB),
        ("taming", {"anything": 3}),
        ("t5", {}),
        ("diffusers_vq", AMUSED | {"vq_embed_dim": 64, "act_fn": "swish", "scaling_factor": 3}),
        ("gpt2", GPT2_OF_HUB | {"n_inner": 3072}),
        ("open_muse", MUSE),
        ("open_muse", {"_class_name": "MaskGitVQGAN"}),
    ],
)
def test_settings_that_our_networks_follow_are_taken(kind, config, tmp_path):
    assert told(tmp_path, kind, config) == ""


def test_what_we_write_is_taken(tmp_path):
    assert told(tmp_path, "t5", t5_config(t5()), t5(scan=False), WORDS, WORDS) == ""
    pixels = jax.ShapeDtypeStruct((1, 16, 16, 3), jnp.float32)
    config = vqmodel_config(vqgan(), 16)
    assert told(tmp_path, "diffusers_vq", config, vqgan(), pixels) == ""


@pytest.mark.parametrize(
    "kind, config, change",
    [
        ("t5", T5_OF_HUB, {"feed_forward_proj": "gated-silu"}),
        ("t5", T5_OF_HUB, {"feed_forward_proj": "gated-relu"}),
        ("t5", T5_OF_HUB, {"dense_act_fn": "relu"}),
        ("t5", T5_OF_HUB, {"relative_attention_max_distance": 64}),
        ("t5", T5_OF_HUB, {"layer_norm_epsilon": 1e-5}),
        ("t5", T5_OF_HUB, {"layer_norm_epsilon": "1e-6"}),
        ("t5", T5_OF_HUB, {"model_type": "longt5"}),
        ("t5", T5_OF_HUB, {"sparse_step": 2}),
        ("diffusers_vq", AMUSED, {"act_fn": "relu"}),
        ("diffusers_vq", AMUSED, {"norm_num_groups": 16}),
        ("diffusers_vq", AMUSED, {"norm_num_groups": [32]}),
        ("diffusers_vq", AMUSED, {"block_out_channels": 3}),
        ("diffusers_vq", AMUSED, {"norm_type": "spatial"}),
        ("diffusers_vq", AMUSED, {"up_block_types": ["UpBlock2D"]}),
        ("diffusers_vq", AMUSED, {"down_block_types": "DownBlock2D"}),
        ("gpt2", GPT2_OF_HUB, {"activation_function": "relu"}),
        ("gpt2", GPT2_OF_HUB, {"scale_attn_by_inverse_layer_idx": True}),
        ("gpt2", GPT2_OF_HUB, {"add_cross_attention": True}),
        ("t5", T5_OF_HUB, {"is_decoder": True}),
        ("t5", T5_OF_HUB, {"hidden_size": 512}),
        # Of fewer layers or blocks their library reads what it is told of and passes over others.
        ("t5", T5_OF_HUB, {"num_layers": 6}),
        ("t5", T5_OF_HUB, {"d_ff": 2048}),
        ("gpt2", GPT2_OF_HUB, {"n_layer": 11}),
        ("gpt2", GPT2_OF_HUB, {"n_inner": 768}),
        ("diffusers_vq", AMUSED, {"layers_per_block": 1}),
        ("diffusers_vq", AMUSED, {"mid_block_add_attention": True}),
        ("diffusers_vq", AMUSED, {"up_block_types": ["AttnUpDecoderBlock2D"] * 5}),
        ("diffusers_vq", AMUSED, {"vq_embed_dim": 63}),
        ("diffusers_vq", AMUSED, {"in_channels": True}),
        ("gpt2", GPT2_OF_HUB, {"tie_word_embeddings": False}),
        ("open_muse", MUSE, {"num_res_blocks": 1}),
        ("open_muse", MUSE, {"channel_mult": [1, 1, 2, 2, 4, 4]}),
        ("open_muse", MUSE, {"use_attention": True}),
        ("t5", T5_OF_HUB, {"feed_forward_proj": "gated\nsilu"}),
        ("t5", T5_OF_HUB, {"odd": ["\r\n"] * 9}),
    ],
)
def test_another_function_than_ours_is_refused_by_its_name(kind, config, change, tmp_path):
    (name,) = change
    found = told(tmp_path, kind, config | change)
    assert f"asks for {name} = " in found and len(found.splitlines()) == 1


@pytest.mark.parametrize("kind, config, name", [
    ("t5", T5_OF_HUB, "num_layers"), ("t5", T5_OF_HUB, "feed_forward_proj"),
    ("diffusers_vq", AMUSED, "mid_block_add_attention"), ("diffusers_vq", AMUSED, "up_block_types"),
])  # fmt: skip
def test_what_is_left_out_is_what_its_library_takes_then(kind, config, name, tmp_path):
    left = {key: value for key, value in config.items() if key != name}
    assert f"asks for {name} = " in told(tmp_path, kind, left)


def test_groups_that_differ_by_level_are_no_vqmodel(tmp_path):
    network, config = VQGAN(16, (1, 2), 1, (), 6, 11, 4), vqmodel_config(vqgan(()), 16)
    pixels = jax.ShapeDtypeStruct((1, 16, 16, 3), jnp.float32)
    found = told(tmp_path, "diffusers_vq", config, network, pixels)
    assert "asks for norm_num_groups = 32, which differs by level here" in found


@pytest.mark.parametrize("config, heads", [
    ({}, 12), ({"n_head": 6, "n_layer": 1}, 6), ({"n_layer": 1}, 12),
])  # fmt: skip
def test_heads_of_gpt2_are_what_its_library_takes(config, heads, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert sizes.gpt2_heads(tmp_path / "model.safetensors", 768) == heads
    for wrong in (0, 7, True, "12", None):
        (tmp_path / "config.json").write_text(json.dumps({"n_head": wrong}))
        with pytest.raises(UserError, match="n_head"):
            sizes.gpt2_heads(tmp_path / "model.safetensors", 768)


def test_weights_beside_such_settings_are_not_read(tmp_path):
    weights.save(t5_params(t5(scan=False)), "t5", tmp_path / "model.safetensors")
    config = t5_config(t5())
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert weights.read(tmp_path)[0] == "t5"
    (tmp_path / "config.json").write_text(json.dumps(config | {"feed_forward_proj": "gated-silu"}))
    with pytest.raises(UserError, match="feed_forward_proj = gated-silu, which is gated-gelu"):
        weights.read(tmp_path)
