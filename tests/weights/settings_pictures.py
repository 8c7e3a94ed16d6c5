"""How the reference libraries prepare pictures for towers, from which other settings start.

Part of tests/weights/reference_settings.py: preprocessor_config.json in place of config.json.
"""

import json
import shutil
import typing

import library_settings
import numpy as np
import torch
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.processing_utils import ImagesKwargs

SIDE = 16
_SQUARE = {"height": SIDE, "width": SIDE}
SIZES = [SIDE, 2 * SIDE, {"shortest_edge": SIDE}, _SQUARE, {"height": SIDE, "width": 2 * SIDE},
         {"shortest_edge": 2 * SIDE}, {"longest_edge": SIDE}]  # fmt: skip
VALUES = {
    "size": SIZES, "crop_size": SIZES, "resample": [0, 1, 2, 3, 4, 5, 6],
    "image_mean": [[0.1, 0.2, 0.3], 0.5, [0.5]], "image_std": [[1, 1, 2], 0.5, [0.5]],
    "rescale_factor": [1 / 127.5, 1.0, 1 / 256], "return_tensors": [],
}  # fmt: skip


class Processor(typing.NamedTuple):
    """What stands for a network in reference_settings: it has no tensors of its own."""

    kind: type
    arguments: dict

    def state_dict(self):
        """None."""
        return {}


class Pictures(typing.NamedTuple):
    """An image processor beside a network, whose folder is `beside` this one's."""

    kind: type
    config: dict
    beside: str
    file: str = "preprocessor_config.json"

    def names(self):
        """Paths of settings."""
        return [(name,) for name in sorted({*ImagesKwargs.__annotations__} - {"return_tensors"})]

    def others(self, key, told):
        """Other values than the file tells."""
        (name,) = key
        value = told.get(name, getattr(self.kind, name, None))
        if name in VALUES:
            others = [each for each in VALUES[name] if each != value] + [None]
            # A size that is left out is 224 there, and here the tower's, which takes no other.
            return others if "size" in name else [*others, library_settings.LEFT_OUT]
        return library_settings.others(name, value, str(ImagesKwargs.__annotations__[name]))

    def fresh(self, config):
        """As it is asked for."""
        return Processor(self.kind, config)

    def read(self, told):
        """What `fresh` takes, of the file."""
        return told

    def opened(self, folder):
        """-> (Processor, True)."""
        return Processor(self.kind, json.loads((folder / self.file).read_text())), True

    def save(self, model, folder):
        """Beside the network that is there already."""
        shutil.copytree(folder.parent.parent / self.beside / "base", folder)
        model.kind(**model.arguments).save_pretrained(folder)

    def outputs(self, model):
        """One picture, prepared; away from 0 and 255, where versions of Pillow differ."""
        draw = torch.Generator().manual_seed(0)
        picture = torch.randint(64, 192, (37, 23, 3), generator=draw).byte().numpy()
        made = model.kind(**model.arguments)
        prepared = np.asarray(made(picture, return_tensors="np")["pixel_values"], np.float32)
        return {"picture": picture, "prepared": np.moveaxis(prepared, 1, -1)[0]}


BASES = {
    "clip_pictures": Pictures(
        CLIPImageProcessorPil, {"size": {"shortest_edge": SIDE}, "crop_size": _SQUARE}, "clip"
    ),
    "siglip_pictures": Pictures(SiglipImageProcessorPil, {"size": _SQUARE}, "siglip"),
}
