"""What the tensors of a tower do not say: heads, activation, the last id of a text, pixels.

Taken from the settings that were published beside the weights, as their own library reads them.
Where these are needed and missing the weights are refused: with another activation or another
number of heads every tensor still fits, and the features are wrong.
"""

from typing import NamedTuple

from data_pipelines.errors import UserError
from itit_jax.models.towers import ACTIVATIONS, Pixels
from itit_jax.weights.files import read_config, read_tensors
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


def of(path, kind, tower, width) -> Settings:
    """Settings of a tower ("image", "text"; `width` wide) of the weights at `path`."""
    found = {
        "clip": lambda: _hugging_face(path, tower, CLIP_DEFAULTS),
        "siglip": lambda: _hugging_face(path, tower, SIGLIP_DEFAULTS),
        "open_clip": lambda: _open_clip(path, tower, width),
        "big_vision": lambda: _big_vision(path, tower),
        "big_vision_scanned": lambda: _big_vision(path, tower),
    }[kind]()
    if found.activation not in ACTIVATIONS:
        raise UserError(
            f"the settings beside {path} ask for the activation '{found.activation}'; known are "
            f"{', '.join(ACTIVATIONS)}."
        )
    if not isinstance(found.heads, int) or found.heads < 1 or width % found.heads:
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
    section = config.get(SECTIONS[tower]) or config  # the settings of a lone tower lie flat
    end = section.get("eos_token_id", OLD_END)
    return Settings(
        section.get("num_attention_heads", heads[tower]),
        section.get("hidden_act", activation),
        section.get("layer_norm_eps", epsilon),
        None if end == OLD_END else end,
    )


def _open_clip(path, tower, width):
    config = read_config(path, OPEN_CLIP).get("model_cfg")
    if config is None:
        raise UserError(
            f"{path} has no {OPEN_CLIP} beside it, which says the activation; write one: "
            '{"model_cfg": {"quick_gelu": true}} for weights of OpenAI, {"model_cfg": {}} for most '
            "others."
        )
    section = config.get({"image": "vision_cfg", "text": "text_cfg"}[tower], {})
    heads = section.get("heads", width // section.get("head_width", 64))
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
        found = read_config(path, OPEN_CLIP).get("preprocess_cfg", {})
        mean, deviation = "mean", "std"
    else:
        found, mean, deviation = read_config(path, PREPARED), "image_mean", "image_std"
    return Pixels(
        tuple(found.get(mean, family.mean)),
        tuple(found.get(deviation, family.deviation)),
        found.get("do_center_crop", family.crop),
        found.get("resample", family.resample),
    )
