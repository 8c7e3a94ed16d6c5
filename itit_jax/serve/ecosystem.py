"""The files that other libraries want beside weights: what a network is, in their words."""

import dataclasses
import math
from typing import NamedTuple

from itit_jax.models import t5
from itit_jax.models.vqgan import VQGAN
from itit_jax.weights.load import OURS

OWN, DIFFUSERS = "model.safetensors", "diffusion_pytorch_model.safetensors"
TOWERS = {"clip": "CLIPModel", "siglip": "SiglipModel"}  # layout: class of transformers
WORDS = "tokenizer"  # folder of the vocabulary


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


def towers_config(towers):
    """config.json of Hugging Face's CLIPModel or SiglipModel for models.towers.Towers."""
    name = "siglip" if towers.image.probe else "clip"
    space = {"projection_dim": towers.text.features} if name == "clip" else {}
    image = {"image_size": towers.image.size, "patch_size": towers.image.patch}
    text = {
        "vocab_size": towers.text.vocabulary_size,
        "max_position_embeddings": towers.text.length,
        "pad_token_id": 0,
        "bos_token_id": 1,  # nothing begins a text
        "eos_token_id": 1,
        "projection_size": towers.text.features,
    }
    return {
        "architectures": [TOWERS[name]],
        "model_type": name,
        **space,
        "text_config": {"model_type": f"{name}_text_model"} | text | space | _sizes(towers.text),
        "vision_config": {"model_type": f"{name}_vision_model"}
        | image
        | space
        | _sizes(towers.image),
        "torch_dtype": "float32",
    }


def _sizes(tower):
    return {
        "hidden_size": tower.width,
        "intermediate_size": tower.mlp_width,
        "num_hidden_layers": tower.depth,
        "num_attention_heads": tower.heads,
        "hidden_act": tower.activation,
        "layer_norm_eps": tower.epsilon,
    }


def own_config(network):
    """config.json of a network that only this project knows: its fields."""
    plain = (bool, int, float, str, tuple)
    fields = {
        field.name: getattr(network, field.name)
        for field in dataclasses.fields(network)
        if isinstance(getattr(network, field.name), plain)
    }
    return {"_class_name": type(network).__name__, "_library": "itit_jax"} | fields


class Described(NamedTuple):
    """A part of an export, in the words of whoever opens it."""

    library: str
    name: str  # of its class there
    layout: str  # of its weights
    file: str  # of its weights
    config: dict


def describe(published, image_size):
    """Described of a recipes.base.Published: of another library where it has such a network."""
    network = published.network
    if published.layout == "t5":
        config = t5_config(network)
        return Described("transformers", "T5EncoderModel", "t5", OWN, config)
    if published.layout in TOWERS:
        name, layout = TOWERS[published.layout], published.layout
        return Described("transformers", name, layout, OWN, towers_config(network))
    config = vqmodel_config(network, image_size) if published.layout == "diffusers_vq" else None
    if config:
        return Described("diffusers", "VQModel", "diffusers_vq", DIFFUSERS, config)
    config = own_config(network)
    return Described("itit_jax", config["_class_name"], OURS, OWN, config)


def model_index(parts, words=True):
    """model_index.json: which library opens which folder. parts: {folder: Described}; words:
    whether a vocabulary lies beside them."""
    head = {"_class_name": "Pipeline", "_library": "itit_jax"}
    told = {folder: [part.library, part.name] for folder, part in parts.items()}
    return head | told | ({WORDS: ["transformers", "AutoTokenizer"]} if words else {})
