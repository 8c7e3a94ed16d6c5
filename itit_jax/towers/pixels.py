"""How pictures are prepared for a published tower: as the settings beside its weights say.

What is left out is as its family usually is; a way that is not ours is refused.
"""

import math

from data_pipelines.errors import UserError
from itit_jax.models.towers import Pixels
from itit_jax.towers.sections import OPEN_CLIP, section
from itit_jax.weights.containers.find import read_config
from itit_jax.weights.containers.plain_json import shown

PREPARED = "preprocessor_config.json"
RESAMPLES = {"bilinear": 2, "bicubic": 3, "lanczos": 1}
CROPS = {"shortest": True, "squash": False}
# Of transformers' image processors: the only way that we know, and what no pixel depends on.
PREPARED_USUAL = {
    "do_resize": True, "do_rescale": True, "do_normalize": True, "rescale_factor": 1 / 255,
}  # fmt: skip
PREPARED_ASIDE = {
    "do_convert_rgb", "image_processor_type", "feature_extractor_type", "processor_class",
    "data_format", "default_to_square", "return_tensors",
}  # fmt: skip
PREPARED_READ = {"image_mean", "image_std", "resample", "do_center_crop", "crop_size", "size"}
OPEN_CLIP_USUAL = {"mode": "RGB", "fill_color": 0}
OPEN_CLIP_READ = {"mean", "std", "interpolation", "resize_mode", "size"}


def of(path, kind, side, family: Pixels) -> Pixels:
    """Of the weights at `path`, whose tower reads pictures of `side` pixels a side."""
    if kind == "open_clip":
        return _open_clip(path, side, family)
    found = read_config(path, PREPARED)
    _check_usual(path, PREPARED, found, PREPARED_USUAL, PREPARED_READ | PREPARED_ASIDE)
    crop = found.get("do_center_crop", family.crop)
    resample = found.get("resample", family.resample)
    if type(crop) is not bool or resample not in RESAMPLES.values():
        raise UserError(
            f"{PREPARED} beside {path} has do_center_crop = {shown(crop)} and resample = "
            f"{shown(resample)}; "
            f"known are true or false and {RESAMPLES}."
        )
    return Pixels(
        _channels(path, found, "image_mean", family.mean),
        _channels(path, found, "image_std", family.deviation),
        _cuts(path, found, crop, side, family),
        resample,
    )


def _cuts(path, found, crop, side, family):
    """Whether the short side is scaled and the centre cut out; else all is squeezed."""
    short = {"shortest_edge": side}
    whole = {"height": side, "width": side}
    usual = short if family.crop else whole
    size, cut = found.get("size", usual), found.get("crop_size", whole)
    size = short if size == side and type(size) is int else size
    cut = whole if cut == side and type(cut) is int else cut
    for name, value, known in (("size", size, (short, whole)), ("crop_size", cut, (whole,))):
        if value not in known and (name == "size" or crop):
            raise _refused(path, PREPARED, name, value, f"is {side} pixels a side here")
    if size == short and not crop:
        raise _refused(path, PREPARED, "do_center_crop", crop, "leaves pictures that are no square")
    return size == short


def _open_clip(path, side, family):
    found = section(path, OPEN_CLIP, read_config(path, OPEN_CLIP), "preprocess_cfg")
    _check_usual(path, OPEN_CLIP, found, OPEN_CLIP_USUAL, OPEN_CLIP_READ)
    if found.get("size", side) not in (side, [side, side]):
        raise _refused(path, OPEN_CLIP, "size", found["size"], f"is {side} here")
    return Pixels(
        _channels(path, found, "mean", family.mean),
        _channels(path, found, "std", family.deviation),
        _of(path, CROPS, found.get("resize_mode", "shortest")),
        _of(path, RESAMPLES, found.get("interpolation", "bicubic")),
    )


def _check_usual(path, name, found, usual, known):
    for key, value in found.items():
        if key in usual and (type(value), value) != (type(usual[key]), usual[key]):
            raise _refused(path, name, key, value, f"is {usual[key]} here")
        strange = key not in usual and key not in known and not key.startswith("_")
        if strange and value not in (None, False, 0, "", [], {}):
            raise _refused(path, name, key, value, "is not known here")


def _refused(path, name, key, value, ours):
    return UserError(
        f"{name} beside {path} asks for {shown(key)} = {shown(value)}, which {ours}; give other "
        "weights."
    )


def _of(path, known, value):
    if not isinstance(value, str) or value not in known:
        raise UserError(
            f"the settings beside {path} prepare pictures by '{shown(value)}'; known are "
            f"{', '.join(known)}."
        )
    return known[value]


def _channels(path, found, key, usual):
    numbers = found.get(key, usual)
    if not isinstance(numbers, list | tuple) or [*map(is_number, numbers)] != [True] * 3:
        raise UserError(
            f"the settings beside {path} have {key} = {shown(numbers)}, not three numbers; get "
            "them again."
        )
    return tuple(map(float, numbers))


def is_number(value):
    """Whether it is a finite int or float."""
    return type(value) in (int, float) and math.isfinite(value)
