"""An exported model by the calls that the ecosystem knows.

    pipe = Pipeline.from_pretrained("DIR")            # what --mode=export wrote, or OWNER/NAME
    pictures = pipe("a red circle", num_images=4, steps=24, guidance_scale=3.0, seed=0).images
    captions = pipe.caption(pictures)
"""

import os
import re
from typing import NamedTuple

from PIL import Image

from data_pipelines.errors import UserError
from itit_jax.serve import export
from itit_jax.serve.session import Session

# Pickles and code of a hub's folder are never fetched.
FETCHED = ["*.json", "*.safetensors", "*.model", "*.md"]


class Drawn(NamedTuple):
    """What a call returns."""

    images: list[Image.Image]


class Pipeline:
    """A Session under the names of diffusers."""

    def __init__(self, session):
        self.session = session

    @classmethod
    def from_pretrained(cls, path):
        """path: a folder that --mode=export or `save_pretrained` wrote, or a hub's OWNER/NAME."""
        if not os.path.exists(path) and re.fullmatch(r"[\w.-]+/[\w.-]+", str(path)):
            path = fetch(str(path))
        if not export.is_export(path):
            raise UserError(
                f"{path} holds no {export.INDEX}; give a folder that --mode=export wrote."
            )
        return cls(Session(path))

    def save_pretrained(self, folder):
        """The same files again, into a fresh folder."""
        export.write(self.session.trained, folder)

    def __call__(self, prompt, *, num_images=1, steps=None, guidance_scale=None, seed=0):
        """A text, or several -> Drawn with `num_images` pictures of each, text after text.

        steps: rounds of parallel decoding. guidance_scale: Muse's convention, logits
        (1 + s) conditional - s unconditional, so 0 is off; diffusers' 1 is our 0, its 4 our 3.
        Both are the run's own where they are None. Equal seeds give equal pictures.
        """
        if num_images < 1:
            raise UserError(f"num_images is {num_images}; ask for at least 1.")
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        texts = [text for text in prompts for _ in range(num_images)]
        drawn = self.session.draw(texts, seed=seed, rounds=steps, guidance=guidance_scale)
        return Drawn(drawn)

    def caption(self, images, *, seed=0):
        """A picture, or several, of any size -> list of captions."""
        pictures = images if isinstance(images, (list, tuple)) else [images]
        return self.session.caption(pictures, seed=seed)


def fetch(name):
    """Folder of OWNER/NAME from the Hugging Face hub."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise UserError(
            f"{name} is no folder here, and to fetch it from the hub huggingface_hub is needed; "
            "pip install 'itit_jax[hub]', or give a folder."
        ) from None
    try:
        return snapshot_download(name, allow_patterns=FETCHED)
    except Exception as error:  # whatever its HTTP library raises
        reason = (str(error).splitlines() or [""])[0]
        raise UserError(
            f"{name} is no folder here and cannot be fetched from the hub "
            f"({type(error).__name__}: {reason}); mend the name or the network."
        ) from error
