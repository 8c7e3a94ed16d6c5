"""Encoded bytes to pixels and back, with Pillow."""

import io

import numpy as np
from PIL import Image, ImageOps


def decode(data: bytes, size: int) -> np.ndarray:
    """Image file bytes -> uint8 [size, size, 3]: short side scaled to `size`, centre cut out."""
    image = upright(data)
    if image.size != (size, size):
        image = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
    return np.asarray(image)


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


def encode_png(pixels: np.ndarray) -> bytes:
    """uint8 [h, w, 3] -> PNG bytes."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG")
    return out.getvalue()
