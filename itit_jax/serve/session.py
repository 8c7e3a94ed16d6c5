"""A trained run or an export of one, loaded once and asked often.

    session = Session("runs/demo/itit")
    pictures = session.draw(["a red circle in the top left"], seed=0)
    captions = session.caption(pictures)
"""

import functools

import jax
import numpy as np
from PIL import Image

from data_pipelines import images
from data_pipelines.errors import UserError
from itit_jax import config as settings
from itit_jax.recipes import base
from itit_jax.serve import export, trained

BATCH = 8  # rows a call; one compiled program serves any number of requests


class Session:
    """Draws texts and captions pictures with a workdir's newest checkpoint, or with an export."""

    def __init__(self, folder):
        self.trained = export.read(folder) if export.is_export(folder) else trained.of_run(folder)
        self.config, self.vocabulary = self.trained.config, self.trained.vocabulary
        self._caption = jax.jit(self.trained.recipe.caption)
        self._drawer = functools.cache(self._make_drawer)

    def _make_drawer(self, rounds, guidance):
        """The compiled drawing with so many rounds and so much guidance."""
        asked = (f"decode.rounds={rounds}", f"decode.guidance={guidance}")
        return jax.jit(base.find(settings.override(self.config, asked, flag="")).draw)

    def draw(self, texts, *, seed=0, rounds=None, guidance=None):
        """Texts -> list of PIL pictures. Equal seeds and texts give equal pictures.

        rounds, guidance: in place of the run's decode.rounds and decode.guidance.
        """
        if len(texts) == 0:
            return []
        length = self.config.data.text_length
        for text in texts:
            if not text.strip():
                raise UserError("a text to draw is empty; say what the picture should show.")
            if (count := self.vocabulary.count(text)) > length:
                raise UserError(
                    f"the text '{text[:40]}...' has {count} tokens and this run reads {length}; "
                    "shorten it."
                )
        decode = self.config.decode
        drawer = self._drawer(
            decode.rounds if rounds is None else rounds,
            decode.guidance if guidance is None else guidance,
        )
        ids = [self.vocabulary.encode(text, length) for text in texts]
        return [Image.fromarray(p) for p in self._in_batches(drawer, np.stack(ids), seed)]

    def caption(self, pictures, *, seed=0):
        """PIL pictures (or uint8 arrays) of any size -> list of captions."""
        if len(pictures) == 0:
            return []
        size = self.config.data.image_size
        rows = np.stack([fit(picture, size) for picture in pictures])
        ids = self._in_batches(self._caption, rows, seed)
        return [self.vocabulary.decode(row) for row in ids]

    def _in_batches(self, function, rows, seed):
        out = []
        for number, start in enumerate(range(0, len(rows), BATCH)):
            index = np.arange(start, start + BATCH) % len(rows)
            key = jax.random.fold_in(jax.random.key(seed), number)
            out.append(np.asarray(function(self.trained.params, rows[index], key)))
        return np.concatenate(out)[: len(rows)]


def fit(picture, size):
    """Picture -> uint8 [size, size, 3], brought to its size as those of a data set are."""
    image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
    return images.fit(images.on_white(image), size)
