"""The files that other libraries want beside weights: what a network is, in their words."""

import dataclasses
from typing import NamedTuple

from itit_jax.exported import WORDS
from itit_jax.towers.compared import sizes
from itit_jax.weights.load import OURS
from itit_jax.weights.told import DIFFUSERS, OWN, t5_config, vqmodel_config

TOWERS = {"clip": "CLIPModel", "siglip": "SiglipModel"}  # layout: class of transformers


def towers_config(towers):
    """config.json of Hugging Face's CLIPModel or SiglipModel for models.towers.Towers."""
    name = "siglip" if towers.image.probe else "clip"
    space = {"projection_dim": towers.text.features} if name == "clip" else {}
    image = {"image_size": towers.image.size, "patch_size": towers.image.patch}
    end = 1 if towers.text.end is None else towers.text.end
    text = {
        "vocab_size": towers.text.vocabulary_size,
        "max_position_embeddings": towers.text.length,
        "pad_token_id": 0,
        "bos_token_id": end,  # nothing begins a text of ours
        "eos_token_id": end,
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


def prepared(image):
    """preprocessor_config.json of an image tower: how transformers takes pictures for it."""
    size, pixels = image.size, image.pixels
    # SigLIP's own of transformers 4 cuts nothing out, and says nothing.
    family = "Siglip" if image.probe and not pixels.crop else "CLIP"
    whole = {"height": size, "width": size}
    cut = {"do_center_crop": True, "crop_size": whole} if pixels.crop else {}
    return {
        "image_processor_type": f"{family}ImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": size} if pixels.crop else whole,
        "resample": pixels.resample,
        **cut,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(pixels.mean),
        "image_std": list(pixels.deviation),
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
    pictures: dict | None = None  # how it takes them


def describe(published, image_size):
    """Described of a recipes.base.Published: of another library where it has such a network."""
    network = published.network
    if published.layout == "t5":
        config = t5_config(network)
        return Described("transformers", "T5EncoderModel", "t5", OWN, config)
    if published.layout in TOWERS:
        name, layout = TOWERS[published.layout], published.layout
        pictures = prepared(network.image)
        return Described("transformers", name, layout, OWN, towers_config(network), pictures)
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
