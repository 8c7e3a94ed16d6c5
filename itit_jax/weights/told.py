"""What other libraries want to be told beside weights that they open: config.json of T5, GPT-2,
VQModel and open-muse's MaskGitVQGAN, the names of their files."""

import math

from itit_jax.models import t5
from itit_jax.models.gpt2 import GPT2
from itit_jax.models.maskgit_vqgan import MaskGITVQGAN
from itit_jax.models.t5 import T5Encoder
from itit_jax.models.vqgan import VQGAN

GPT2_HEADS = 12  # where its config.json does not say
OWN, DIFFUSERS = "model.safetensors", "diffusion_pytorch_model.safetensors"


def config_of(network, layout, image_size):
    """config.json beside weights of this layout, or None where no library opens them with one."""
    if layout == "t5" and isinstance(network, T5Encoder):
        return t5_config(network)
    if layout == "gpt2" and isinstance(network, GPT2):
        return gpt2_config(network)
    if layout == "open_muse" and isinstance(network, MaskGITVQGAN):
        return muse_config(network, image_size)
    return vqmodel_config(network, image_size) if layout == "diffusers_vq" else None


def t5_config(encoder):
    """config.json of Hugging Face's T5EncoderModel for a T5Encoder."""
    return {
        "architectures": ["T5EncoderModel"],
        "model_type": "t5",
        "vocab_size": encoder.vocabulary_size,
        "d_model": encoder.width,
        "d_ff": encoder.mlp_width,
        "d_kv": encoder.head_width,
        "num_heads": encoder.heads,
        "num_layers": encoder.depth,
        "relative_attention_num_buckets": t5.BUCKETS,
        "relative_attention_max_distance": t5.MAX_DISTANCE,
        "feed_forward_proj": "gated-gelu",
        "layer_norm_epsilon": 1e-6,
        "dropout_rate": 0.0,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "is_encoder_decoder": False,
        "use_cache": False,
        # T5 1.1 has an output matrix of its own; true would make a whole T5 of it share this one.
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
    }


def gpt2_config(decoder):
    """config.json of Hugging Face's GPT2LMHeadModel for a GPT2."""
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": decoder.vocabulary_size,
        "n_positions": decoder.positions,
        "n_embd": decoder.width,
        "n_layer": decoder.depth,
        "n_head": decoder.heads,
        "n_inner": decoder.mlp_width,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "bos_token_id": decoder.vocabulary_size - 1,
        "eos_token_id": decoder.vocabulary_size - 1,
    }


def muse_config(vqgan, image_size):
    """config.json of open-muse's MaskGitVQGAN for a MaskGITVQGAN."""
    return {
        "_class_name": "MaskGitVQGAN",
        "resolution": image_size,
        "num_channels": 3,
        "hidden_channels": vqgan.base,
        "channel_mult": list(vqgan.multipliers),
        "num_res_blocks": vqgan.res_blocks,
        "z_channels": vqgan.code_width,
        "num_embeddings": vqgan.codes,
        "quantized_embed_dim": vqgan.code_width,
    }


def vqmodel_config(vqgan, image_size):
    """config.json of diffusers' VQModel for a VQGAN, or None where VQModel has no such network."""
    channels = [vqgan.base * multiplier for multiplier in vqgan.multipliers]
    groups = {math.gcd(32, width) for width in channels}  # VQModel has one number for all
    if type(vqgan) is not VQGAN:  # MaskGIT's is a VQGAN too, and another network
        return None
    if vqgan.levels or vqgan.local or vqgan.patch > 1 or len(groups) > 1:
        return None
    sides = [image_size >> level for level in range(len(channels))]
    kinds = ["Attn" if side in vqgan.attention_resolutions else "" for side in sides]
    return {
        "_class_name": "VQModel",
        "act_fn": "silu",
        "in_channels": 3,
        "out_channels": 3,
        "sample_size": image_size,
        "block_out_channels": channels,
        "down_block_types": [f"{kind}DownEncoderBlock2D" for kind in kinds],
        "up_block_types": [f"{kind}UpDecoderBlock2D" for kind in reversed(kinds)],
        "layers_per_block": vqgan.res_blocks,
        "latent_channels": vqgan.latent_channels,
        "num_vq_embeddings": vqgan.codes,
        "vq_embed_dim": vqgan.code_width,
        "norm_num_groups": groups.pop(),
        "mid_block_add_attention": bool(vqgan.attention_resolutions),
    }
