"""A trained run, loaded once and asked often.

    session = Session("runs/demo/itit")
    pictures = session.draw(["a red circle in the top left"], seed=0)
    captions = session.caption(pictures)
"""

import jax
import numpy as np
from PIL import Image

from data_pipelines.errors import UserError
from itit_jax import config as settings
from itit_jax import inputs, state
from itit_jax.recipes import base

BATCH = 8  # rows a call; one compiled program serves any number of requests


class Session:
    """Draws texts and captions pictures with the newest checkpoint of `workdir`."""

    def __init__(self, workdir):
        self.config = settings.read_workdir(workdir)
        if self.config.recipe != "itit":
            raise UserError(
                f"{workdir} is a run of {self.config.recipe}, which neither draws nor captions; "
                "give the workdir of an itit run."
            )
        self.recipe = base.find(self.config)
        self.params, self.step = state.restore_params(self.recipe, self.config, workdir)
        self.vocabulary = inputs.kept_vocabulary(workdir)
        self._draw = jax.jit(self.recipe.draw)
        self._caption = jax.jit(self.recipe.caption)

    def draw(self, texts, *, seed=0):
        """Texts -> list of PIL pictures. Equal seeds and texts give equal pictures."""
        length = self.config.data.text_length
        for text in texts:
            if not text.strip():
                raise UserError("a text to draw is empty; say what the picture should show.")
            if (count := self.vocabulary.count(text)) > length:
                raise UserError(
                    f"the text '{text[:40]}...' has {count} tokens and this run reads {length}; "
                    "shorten it."
                )
        ids = [self.vocabulary.encode(text, length) for text in texts]
        return [Image.fromarray(p) for p in self._in_batches(self._draw, np.stack(ids), seed)]

    def caption(self, pictures, *, seed=0):
        """PIL pictures (or uint8 arrays) of any size -> list of captions."""
        size = self.config.data.image_size
        rows = np.stack([fit(picture, size) for picture in pictures])
        ids = self._in_batches(self._caption, rows, seed)
        return [self.vocabulary.decode(row) for row in ids]

    def _in_batches(self, function, rows, seed):
        out = []
        for number, start in enumerate(range(0, len(rows), BATCH)):
            index = np.arange(start, start + BATCH) % len(rows)
            key = jax.random.fold_in(jax.random.key(seed), number)
            out.append(np.asarray(function(self.params, rows[index], key)))
        return np.concatenate(out)[: len(rows)]


def fit(picture, size):
    """Picture -> uint8 [size, size, 3]: short side scaled to `size`, centre cut out."""
    image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
    image = image.convert("RGB")
    scale = size / min(image.size)
    image = image.resize([max(size, round(side * scale)) for side in image.size])
    left, top = ((side - size) // 2 for side in image.size)
    return np.asarray(image.crop((left, top, left + size, top + size)))
