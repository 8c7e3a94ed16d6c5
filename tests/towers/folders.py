"""Settings of published towers beside small golden weights."""

import json
import pathlib
import shutil

GOLDEN = pathlib.Path(__file__).parents[1] / "weights" / "golden"
CFG = {"vision_cfg": {"head_width": 4}, "text_cfg": {"heads": 2}}


def beside(folder, source, name, settings):
    """The weights of `source` in a folder with these settings, JSON or text."""
    shutil.copy(source, folder / "x.safetensors")
    text = settings if isinstance(settings, str) else json.dumps(settings)
    (folder / name).write_text(text)
    return folder / "x.safetensors"


def said(name, **change):
    """config.json of CLIP or SigLIP with other values of SECTION__SETTING; None: left out."""
    config = json.loads((GOLDEN / name / "config.json").read_text())
    for key, value in change.items():
        *section, setting = key.split("__")
        place = config[section[0]] if section else config
        place.pop(setting, None)
        if value is not None:
            place[setting] = value
    return config
