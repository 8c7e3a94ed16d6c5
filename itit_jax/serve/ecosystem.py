"""The files that other libraries want beside weights: what a network is, in their words."""

import dataclasses
from typing import NamedTuple

from itit_jax.towers.compared import sizes
from itit_jax.weights.load import OURS
from itit_jax.weights.told import DIFFUSERS, OWN, t5_config, vqmodel_config

TOWERS = {"clip": "CLIPModel", "siglip": "SiglipModel"}  # layout: class of transformers
WORDS = "tokenizer"  # folder of the vocabulary


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
        "text_config": {"model_type": f"{name}_text_model"} | text | space | sizes(towers.text),
        "vision_config": {"model_type": f"{name}_vision_model", **image, **space}
        | sizes(towers.image),
        "torch_dtype": "float32",
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
