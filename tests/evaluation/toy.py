"""An extractor without a network, and folders of pictures for it."""

import jax.numpy as jnp
import numpy as np

from data_pipelines.images import encode_png, fit
from itit_jax.evaluation.features import Extractor


def apply(rows):
    """Means of the quarters of a picture as features; shares of its colours as classes."""
    rows = rows.astype(jnp.float32) / 255
    colours = rows.mean((1, 2))
    return rows.mean(3).reshape(len(rows), -1), colours / colours.sum(1, keepdims=True)


EXTRACTOR = Extractor("toy", lambda picture: fit(picture, 2), apply)


def fill(folder, count, *, brightest=256, seed=0):
    """So many random pictures; -> their folder."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    for i in range(count):
        pixels = rng.integers(0, brightest, (6, 6, 3)).astype(np.uint8)
        (folder / f"{i:03}.png").write_bytes(encode_png(pixels))
    return folder
