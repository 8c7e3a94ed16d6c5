"""What the tensors of a tower do not say: heads, activation, the last id of a text.

Taken from the settings that were published beside the weights, as their own library reads them.
Where these are needed and missing the weights are refused: with another activation or another
number of heads every tensor still fits, and the features are wrong.
"""

from typing import NamedTuple

from data_pipelines.errors import UserError
from itit_jax.models.towers import ACTIVATIONS
from itit_jax.towers.pixels import is_number
from itit_jax.towers.sections import OPEN_CLIP, of_tower, section
from itit_jax.weights.containers.find import read_config, read_tensors
from itit_jax.weights.containers.plain_json import shown
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
OLD_END = 2  # written into the settings of old files by mistake; these mean the largest id
USUAL_END = 49407  # where they are silent
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
            f"the settings beside {path} ask for the activation '{shown(found.activation)}'; "
            f"known are {', '.join(ACTIVATIONS)}."
        )
    if not is_number(found.epsilon) or type(found.end) not in (int, type(None)):
        raise UserError(
            f"the settings beside {path} have the epsilon {shown(found.epsilon)} and the last id "
            f"{shown(found.end)}, which are no numbers; get them again."
        )
    if type(found.heads) is not int or found.heads < 1 or width % found.heads:
        raise UserError(
            f"the settings beside {path} divide the {tower} tower, {width} wide, among "
            f"{shown(found.heads)} heads, which cannot be; they belong to other weights."
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
    said = of_tower(path, config, tower)
    end = said.get("eos_token_id", USUAL_END)
    return Settings(
        said.get("num_attention_heads", heads[tower]),
        said.get("hidden_act", activation),
        said.get("layer_norm_eps", epsilon),
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
    config = section(path, OPEN_CLIP, settings, "model_cfg")
    said = section(path, OPEN_CLIP, config, {"image": "vision_cfg", "text": "text_cfg"}[tower])
    for key, value in said.items():
        usual = (None, False, {}, *OPEN_CLIP_USUAL.get(key, ()))
        if key not in OPEN_CLIP_SIZES and value not in usual:
            raise UserError(
                f"{OPEN_CLIP} beside {path} asks for {shown(key)} = {shown(value)} in the {tower} "
                "tower, which is not known here; give other weights."
            )
    head_width = said.get("head_width", 64)
    if type(head_width) is not int or head_width < 1:
        raise UserError(
            f"{OPEN_CLIP} beside {path} has the head_width {shown(head_width)}; mend it."
        )
    # Their text towers have 8 heads unless they say another number, whatever their width.
    usual = 8 if tower == "text" and said else width // head_width
    heads = said.get("heads", usual)
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
