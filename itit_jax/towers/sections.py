"""The parts of the settings beside published towers that are of one tower."""

from data_pipelines.errors import UserError

SECTIONS = {"image": "vision_config", "text": "text_config"}
OPEN_CLIP = "open_clip_config.json"


def section(path, name, config, key):
    """The settings under `key` of the file `name`; {} where there are none."""
    found = config.get(key)
    if not isinstance(found, dict | type(None)):
        raise UserError(f"{key} of {name} beside {path} is no JSON object; get that file again.")
    return found or {}


def is_whole(config):
    """Whether config.json is of both towers; the settings of a lone one lie flat."""
    return config.get("model_type") in ("clip", "siglip") or any(
        key in config for key in SECTIONS.values()
    )


def of_tower(path, config, tower):
    """Those of config.json for a tower, "image" or "text"."""
    whole = is_whole(config)
    return section(path, "config.json", config, SECTIONS[tower]) if whole else config
