"""What Python asks of a trained run: one text or picture where several may stand, in any form."""

import math
import numbers
import os

import numpy as np
from PIL import Image

from data_pipelines import images
from data_pipelines.errors import UserError
from data_pipelines.places import place

SEEDS = 2**32  # JAX keeps no more of a number
CHANNELS = (1, 3, 4)  # last axis of one picture of three axes


def texts(given) -> list[str]:
    """A text, or several -> list of texts."""
    found = [given] if isinstance(given, str) else _listed(given, "text")
    for text in found:
        if not isinstance(text, str):
            raise UserError(f"{_short(text)} is no text; give a str, or a list of them.")
    return found


def pictures(given) -> list:
    """A picture, or several -> list of PIL pictures and arrays [h, w] or [h, w, c].

    Each is a path, a PIL picture or an array; an array [n, h, w, c] or [n, h, w] is n of them.
    """
    found = _pictures(given)
    for each in found:
        if hasattr(each, "shape") and not each.size:
            raise UserError(f"{_short(each)} has no pixels; give a picture that has some.")
    return found


def _pictures(given):
    if isinstance(given, (str, os.PathLike, Image.Image)):
        return [_picture(given)]
    if hasattr(given, "shape"):
        array = np.asarray(given)
        one = array.ndim == 2 or array.ndim == 3 and array.shape[-1] in CHANNELS
        return [array] if one else list(array) if array.ndim in (3, 4) else [_picture(array)]
    return [_picture(each) for each in _listed(given, "picture")]


def key(given):
    """A seed, or a key of JAX -> a key of JAX."""
    import jax  # the shell looks at what it was given before JAX starts

    if isinstance(given, jax.Array):
        if jax.numpy.issubdtype(given.dtype, jax.dtypes.prng_key) and given.shape == ():
            return given
        if given.dtype == jax.numpy.uint32 and given.shape == (2,):
            return jax.random.wrap_key_data(given)
    whole = isinstance(given, numbers.Integral) and not isinstance(given, bool)
    if whole and 0 <= given < SEEDS:
        return jax.random.key(int(given))
    raise UserError(
        f"{_short(given)} is no seed; give a whole number from 0 to {SEEDS - 1:,}, or one key of "
        "jax.random."
    )


def whole(name, given, most=None):
    """A whole number of at least 1, or None for the run's own."""
    if given is None:
        return None
    if not isinstance(given, numbers.Integral) or isinstance(given, bool) or given < 1:
        raise UserError(f"{name} is {_short(given)}; give a whole number from 1 on.")
    if most and given > most:
        raise UserError(f"{name} is {given:,} and a picture has {most:,} tokens; ask for no more.")
    return int(given)


def number(name, given):
    """A number of at least 0, or None for the run's own."""
    if given is None:
        return None
    real = isinstance(given, numbers.Real) and not isinstance(given, bool)
    if not real or not math.isfinite(given) or given < 0:
        raise UserError(f"{name} is {_short(given)}; give a number from 0 on.")
    return float(given)


def _picture(given):
    if isinstance(given, (str, os.PathLike)):
        return opened(place(given))
    if isinstance(given, Image.Image):
        return given
    if hasattr(given, "shape") and np.ndim(given) in (2, 3):
        return np.asarray(given)
    raise UserError(
        f"{_short(given)} is no picture; give a path, a PIL picture or an array [h, w, 3]."
    )


def _listed(given, kind):
    try:
        return list(given)
    except TypeError:
        raise UserError(f"{_short(given)} is no {kind}; give one, or a list of them.") from None


def _short(given):
    shape = f" of shape {given.shape}" if hasattr(given, "shape") else ""
    return f"{repr(given)[:40]} ({type(given).__name__}{shape})"


def opened(path):
    """The picture of a file, upright."""
    if not os.path.lexists(path):
        raise UserError(f"{path} does not exist; give a picture file.")
    try:
        return images.upright(images.read(path))
    except images.Unreadable as error:
        raise UserError(f"{path}: {error}; give another picture, as PNG or JPEG.") from error
