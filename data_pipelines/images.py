"""Encoded bytes to pixels and back, with Pillow."""

import io

import numpy as np
from PIL import Image, ImageOps


def decode(data: bytes, size: int = 0) -> np.ndarray:
    """Image file bytes -> uint8 [size, size, 3], or [h, w, 3] as it is with size 0. ValueError if
    the bytes are no image."""
    image = upright(data)
    return fit(image, size) if size else np.asarray(image)


def upright(data: bytes) -> Image.Image:
    """Image file bytes -> `on_white` of them. ValueError if the bytes are no image."""
    try:
        return on_white(Image.open(io.BytesIO(data)))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError("not an image that can be decoded") from error


def on_white(image: Image.Image) -> Image.Image:
    """The picture in RGB, turned upright, on white where it is transparent."""
    image = ImageOps.exif_transpose(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def fit(picture: Image.Image | np.ndarray, size: int) -> np.ndarray:
    """RGB picture -> uint8 [size, size, 3]: short side scaled to `size`, centre cut out."""
    image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
    if image.size != (size, size):
        image = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
    return np.asarray(image)


def encode_png(pixels: np.ndarray) -> bytes:
    """uint8 [h, w, 3] -> PNG bytes."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG")
    return out.getvalue()
