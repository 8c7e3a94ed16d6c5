"""Every setting that a library's config knows, with other values than a base has.

Part of tests/weights/reference_settings.py. Names come from the library itself: its config class,
the other names that it takes for them, and whatever its network's source asks of a config.
"""

import dataclasses
import inspect
import pathlib
import re

from diffusers.models.activations import ACT2CLS
from transformers.activations import ACT2FN

LEFT_OUT = "(left out)"
ACTIVATIONS = [*ACT2FN]
# Block types of diffusers' get_down_block and get_up_block, found where it compares them.
BLOCK = re.compile(r'(?:down|up)_block_type == "(\w+)"')
OF_TYPES = {"bool": (True,), "int": (1, 3), "float": (0.5,), "str": ("x",), "dict": ({"0": "a"},)}


def names(config_class, network):
    """Names of settings, sorted."""
    asked = set(re.findall(r"\bconfig\.([a-z]\w*)", pathlib.Path(network).read_text()))
    if not dataclasses.is_dataclass(config_class):  # diffusers' network is its own config
        return sorted({*inspect.signature(config_class.__init__).parameters} - {"self"})
    methods = {name for name, _ in inspect.getmembers(config_class, callable)}
    fields = {field.name for field in dataclasses.fields(config_class)}
    found = fields | config_class.attribute_map.keys() | config_class().to_dict().keys() | asked
    return sorted(found - methods - {"text_config", "vision_config", "transformers_version"})


def others(name, value, annotation=""):
    """Other values of a setting than this one, null, and that it is not there."""
    found = [*_others(name, value, str(annotation)), None]
    return [*(each for each in found if each != value), LEFT_OUT]


def _others(name, value, annotation):
    if name == "act_fn":
        return [*ACT2CLS]
    if name == "feed_forward_proj":
        return [*ACTIVATIONS, *(f"gated-{each}" for each in ACTIVATIONS), "gated-gelu-new"]
    if name in ("activation_function", "hidden_act", "dense_act_fn"):
        return ACTIVATIONS
    if name.endswith("_block_types"):
        return _block_types(value)
    if name == "norm_type":
        return ["spatial", "layer", "group"]
    if name.endswith("eps") or name.endswith("epsilon"):
        return [1e-3, 1e-5, 1e-6, 1e-7, 1e-12]
    return _of_kind(value, annotation)


def _of_kind(value, annotation):
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, 2 * value, value // 2]
    if isinstance(value, float):
        return [10 * value, value / 10, 0.0, value + 0.5]
    if isinstance(value, str):
        return ["x"]
    if isinstance(value, (list, tuple)):
        value = list(value)
        return [value + value[-1:], value[:-1], [2 * each for each in value], value[::-1]]
    known = [values for kind, values in OF_TYPES.items() if kind in annotation]
    return [each for values in known or [(True, 3, "x")] for each in values]


def _block_types(value):
    from diffusers.models.unets import unet_2d_blocks

    known = sorted(set(BLOCK.findall(inspect.getsource(unet_2d_blocks))))
    value = list(value)
    firsts = [[each, *value[1:]] for each in known]
    return [*firsts, value[-1:] * len(value), value[:1] * len(value), value + value[-1:]]
