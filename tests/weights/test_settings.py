"""Settings beside weights: what our networks do is taken, all else is named."""

import json

import pytest

from data_pipelines.errors import UserError
from itit_jax.weights import load as weights
from itit_jax.weights import settings
from itit_jax.weights.told import t5_config, vqmodel_config
from tests.weights.networks import t5, t5_params, vqgan

# As transformers 4 and 5 and diffusers write them; no weights are near.
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
GPT2 = {
    "activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1,
    "layer_norm_epsilon": 1e-05, "model_type": "gpt2", "n_ctx": 1024, "n_embd": 768, "n_head": 12,
    "n_layer": 12, "n_positions": 1024, "vocab_size": 50257, "initializer_range": 0.02,
    "summary_type": "cls_index", "task_specific_params": {"text-generation": {"max_length": 50}},
}  # fmt: skip


def told(folder, kind, config):
    """What is said of such settings beside weights of this kind; "" if they are taken."""
    (folder / "config.json").write_text(json.dumps(config))
    try:
        settings.check(folder / "model.safetensors", kind)
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "kind, config",
    [
        ("t5", T5_OF_HUB),
        ("t5", t5_config(t5())),
        ("diffusers_vq", AMUSED),
        ("diffusers_vq", vqmodel_config(vqgan(()), 16)),
        ("gpt2", GPT2),
        ("taming", {"anything": 3}),
        ("t5", {}),
    ],
)
def test_settings_that_our_networks_follow_are_taken(kind, config, tmp_path):
    assert told(tmp_path, kind, config) == ""


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
        ("gpt2", GPT2, {"activation_function": "relu"}),
        ("gpt2", GPT2, {"scale_attn_by_inverse_layer_idx": True}),
    ],
)
def test_another_function_than_ours_is_refused_by_its_name(kind, config, change, tmp_path):
    (name,) = change
    name = "norm_num_groups" if name == "block_out_channels" else name
    found = told(tmp_path, kind, config | change)
    assert f"asks for {name} = " in found and len(found.splitlines()) == 1


def test_weights_beside_such_settings_are_not_read(tmp_path):
    weights.save(t5_params(t5(scan=False)), "t5", tmp_path / "model.safetensors")
    config = t5_config(t5())
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert weights.read(tmp_path)[0] == "t5"
    (tmp_path / "config.json").write_text(json.dumps(config | {"feed_forward_proj": "gated-silu"}))
    with pytest.raises(UserError, match="feed_forward_proj = gated-silu, which is gated-gelu"):
        weights.read(tmp_path)
