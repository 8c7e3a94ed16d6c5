"""What the tensors of a tower do not say: heads, activation, the last id of a text, pixels.

Taken from the settings that were published beside the weights, as their own library reads them.
Where these are needed and missing the weights are refused: with another activation or another
number of heads every tensor still fits, and the features are wrong.
"""

import math
from typing import NamedTuple

from data_pipelines.errors import UserError
from itit_jax.models.towers import ACTIVATIONS, Pixels
from itit_jax.weights.containers.find import read_config, read_tensors
from itit_jax.weights.layouts.towers import TOWERS


class Settings(NamedTuple):
    """Of one tower. `end` is that of CLIP's texts; None = the largest id."""

    heads: int
    activation: str
    epsilon: float
    end: int | None = None


# What transformers assumes where config.json is silent: heads of images and texts, the rest.
CLIP_DEFAULTS = ({"image": 12, "text": 8}, "quick_gelu", 1e-5)
SIGLIP_DEFAULTS = ({"image": 12, "text": 12}, "gelu_pytorch_tanh", 1e-6)
SECTIONS = {"image": "vision_config", "text": "text_config"}
OLD_END = 2  # written into the settings of old files by mistake; these mean the largest id
OPEN_CLIP = "open_clip_config.json"
PREPARED = "preprocessor_config.json"
RESAMPLES = {"bilinear": 2, "bicubic": 3}
CROPS = {"shortest": True, "squash": False}
# Of open_clip: what the tensors say as well or features do not depend on, and the usual values of
# what changes features. Any other setting must be off.
OPEN_CLIP_SIZES = (
    "layers", "width", "heads", "head_width", "mlp_ratio", "patch_size", "image_size",
    "context_length", "vocab_size", "patch_dropout", "output_tokens", "pad_id",
    "hf_tokenizer_name",
)  # fmt: skip
OPEN_CLIP_USUAL = {
    "pos_embed_type": ("learnable",),
    "pool_type": ("tok", "argmax"),
    "proj_type": ("linear",),
}


def of(path, kind, tower, width) -> Settings:
    """Settings of a tower ("image", "text"; `width` wide) of the weights at `path`."""
    found = {
        "clip": lambda: _hugging_face(path, tower, CLIP_DEFAULTS),
        "siglip": lambda: _hugging_face(path, tower, SIGLIP_DEFAULTS),
        "open_clip": lambda: _open_clip(path, tower, width),
        "big_vision": lambda: _big_vision(path, tower),
        "big_vision_scanned": lambda: _big_vision(path, tower),
    }[kind]()
    if not isinstance(found.activation, str) or found.activation not in ACTIVATIONS:
        raise UserError(
            f"the settings beside {path} ask for the activation '{found.activation}'; known are "
            f"{', '.join(ACTIVATIONS)}."
        )
    if not _is_number(found.epsilon) or type(found.end) not in (int, type(None)):
        raise UserError(
            f"the settings beside {path} have the epsilon {found.epsilon} and the last id "
            f"{found.end}, which are no numbers; get them again."
        )
    if type(found.heads) is not int or found.heads < 1 or width % found.heads:
        raise UserError(
            f"the settings beside {path} divide the {tower} tower, {width} wide, among "
            f"{found.heads} heads, which cannot be; they belong to other weights."
        )
    return found


def _hugging_face(path, tower, defaults):
    config = read_config(path)
    if not config:
        raise UserError(
            f"{path} has no config.json beside it, which says the heads and the activation; get "
            "that file too."
        )
    heads, activation, epsilon = defaults
    # The settings of a lone tower lie flat.
    section = _section(path, "config.json", config, SECTIONS[tower]) or config
    end = section.get("eos_token_id", OLD_END)
    return Settings(
        section.get("num_attention_heads", heads[tower]),
        section.get("hidden_act", activation),
        section.get("layer_norm_eps", epsilon),
        None if end == OLD_END else end,
    )


def _open_clip(path, tower, width):
    settings = read_config(path, OPEN_CLIP)
    if settings.get("model_cfg") is None:
        raise UserError(
            f"{path} has no {OPEN_CLIP} beside it, which says the activation; write one: "
            '{"model_cfg": {"quick_gelu": true}} for OpenAI\'s weights, '
            '{"model_cfg": {}} for most others.'
        )
    config = _section(path, OPEN_CLIP, settings, "model_cfg")
    section = _section(path, OPEN_CLIP, config, {"image": "vision_cfg", "text": "text_cfg"}[tower])
    for key, value in section.items():
        usual = (None, False, {}, *OPEN_CLIP_USUAL.get(key, ()))
        if key not in OPEN_CLIP_SIZES and value not in usual:
            raise UserError(
                f"{OPEN_CLIP} beside {path} asks for {key} = {value} in the {tower} tower, which "
                "is not known here; give other weights."
            )
    head_width = section.get("head_width", 64)
    if type(head_width) is not int or head_width < 1:
        raise UserError(f"{OPEN_CLIP} beside {path} has the head_width {head_width}; mend it.")
    heads = section.get("heads", width // head_width)
    return Settings(heads, "quick_gelu" if config.get("quick_gelu") else "gelu", 1e-5)


def _big_vision(path, tower):
    prefix = TOWERS[tower]
    shapes = (t.shape for n, t in read_tensors(path).items() if f"{prefix}/encoderblock" in n
              and n.endswith("/query/bias"))  # fmt: skip
    shape = next(shapes, ())
    if len(shape) < 2:
        raise UserError(
            f"{path} has no biases (heads, width) of queries in {prefix}, which say the heads; it "
            "may be a variant that is not read."
        )
    return Settings(shape[-2], *SIGLIP_DEFAULTS[1:])


def pixels(path, kind, family: Pixels) -> Pixels:
    """How pictures are prepared: as the settings beside the weights say, else as usual."""
    if kind == "open_clip":
        found = _section(path, OPEN_CLIP, read_config(path, OPEN_CLIP), "preprocess_cfg")
        return Pixels(
            _channels(path, found, "mean", family.mean),
            _channels(path, found, "std", family.deviation),
            _of(path, CROPS, found.get("resize_mode", "shortest")),
            _of(path, RESAMPLES, found.get("interpolation", "bicubic")),
        )
    found = read_config(path, PREPARED)
    crop = found.get("do_center_crop", family.crop)
    resample = found.get("resample", family.resample)
    if type(crop) is not bool or resample not in RESAMPLES.values():
        raise UserError(
            f"{PREPARED} beside {path} has do_center_crop = {crop} and resample = {resample}; "
            f"known are true or false and {RESAMPLES}."
        )
    return Pixels(
        _channels(path, found, "image_mean", family.mean),
        _channels(path, found, "image_std", family.deviation),
        crop,
        resample,
    )


def _of(path, known, value):
    if not isinstance(value, str) or value not in known:
        raise UserError(
            f"the settings beside {path} prepare pictures by '{value}'; known are "
            f"{', '.join(known)}."
        )
    return known[value]


def _channels(path, found, key, usual):
    numbers = found.get(key, usual)
    if not isinstance(numbers, list | tuple) or [*map(_is_number, numbers)] != [True] * 3:
        raise UserError(
            f"the settings beside {path} have {key} = {numbers}, not three numbers; get them again."
        )
    return tuple(map(float, numbers))


def _is_number(value):
    return type(value) in (int, float) and math.isfinite(value)


def _section(path, name, config, key):
    """The settings under `key` of the file `name`; {} where there are none."""
    found = config.get(key)
    if not isinstance(found, dict | type(None)):
        raise UserError(f"{key} of {name} beside {path} is no JSON object; get that file again.")
    return found or {}
