"""Encoded bytes to pixels and back, with Pillow."""

import io

import numpy as np
from PIL import Image, ImageOps


def decode(data: bytes, size: int = 0) -> np.ndarray:
    """Image file bytes -> uint8 [size, size, 3], short side scaled and centre cut out; with size
    0 [h, w, 3] as it is. ValueError if the bytes are no image."""
    image = upright(data)
    return np.asarray(_fitted(image, size) if size else image)


def upright(data: bytes) -> Image.Image:
    """Image file bytes -> RGB, upright and on white. ValueError if the bytes are no image."""
    try:
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError("not an image that can be decoded") from error


def fit(pixels: np.ndarray, size: int) -> np.ndarray:
    """uint8 [h, w, 3] -> uint8 [size, size, 3], as `decode` brings pictures to their size."""
    return np.asarray(_fitted(Image.fromarray(pixels), size))


def _fitted(image, size):
    if image.size == (size, size):
        return image
    return ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)


def encode_png(pixels: np.ndarray) -> bytes:
    """uint8 [h, w, 3] -> PNG bytes."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG")
    return out.getvalue()
