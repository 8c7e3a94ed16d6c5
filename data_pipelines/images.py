"""Encoded bytes to pixels and back, with Pillow: the one place where pictures are opened.

A picture means the same pixels on every road: 8 bits a channel, RGB, upright, its first frame, on
white where it is transparent. What cannot be read so is Unreadable, whatever its decoder raises.
"""

import contextlib
import functools
import io
import os
import pathlib
import re
import stat
import warnings

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

# Not Pillow's others: they start programs (EPS), have no signature (TGA), or unfold to another
# size than they tell (ICO, ICNS).
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000", "AVIF", "PCX")
FORMATS += ("QOI", "SGI")
RESAMPLING = Image.Resampling.LANCZOS  # of every picture that is brought to another size
MOST_PIXELS = 2**26  # as 8192 x 8192; Pillow holds four bytes of each, and up to four copies
MOST_BYTES = 2**28  # of a file
BITS_PER_SAMPLE, PHOTOMETRIC, WHITE_IS_ZERO = 258, 262, 0  # tags of TIFF
TURNS = {  # EXIF's orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Why a picture cannot be read.
BROKEN = "broken image"
NO_IMAGE = "no image"
TOO_LARGE = "image too large"
NO_SCALE = "image whose values have no known white"
NO_FILE = "no plain file"
UNREADABLE = "cannot be read"  # its bytes: another time they may be there

# Sizes are looked at here, and odd metadata is no news.
warnings.filterwarnings("ignore", module=r"PIL\.")


class Unreadable(ValueError):
    """Why a picture cannot be read: one of a few reasons, and what was found."""

    def __init__(self, reason, found=""):
        super().__init__(f"{reason} ({found})" if found else reason)
        self.reason, self.found = reason, found

    def of(self, name):
        """For a report: which picture, and what was found."""
        return f"{name} ({self.found})" if self.found else name


def read(path) -> bytes:
    """Bytes of a file. Unreadable if it is empty, too long or no plain file: a pipe or a device is
    never opened."""
    try:
        about = os.stat(path)
        if not stat.S_ISREG(about.st_mode):
            raise Unreadable(NO_FILE)
        check_bytes(about.st_size)
        return pathlib.Path(path).read_bytes()
    except OSError as error:
        raise Unreadable(UNREADABLE, error.strerror) from error


def check_bytes(count):
    """Unreadable if a picture's file is empty or too long."""
    if not count:  # of a fetch that broke off; a record without a picture would be a lone text
        raise Unreadable(BROKEN, "0 bytes")
    if count > MOST_BYTES:
        raise Unreadable(TOO_LARGE, f"{count:,} bytes, and at most {MOST_BYTES:,} are read")


def decode(data: bytes, size: int = 0) -> np.ndarray:
    """Image file bytes -> uint8 [size, size, 3], or [h, w, 3] as it is with size 0."""
    image = upright(data)
    return fit(image, size) if size else np.asarray(image)


def upright(data: bytes) -> Image.Image:
    """Image file bytes -> `on_white` of them."""
    with _told():
        return _plain(_on_white(Image.open(io.BytesIO(data), formats=_formats())))


def size_of(data: bytes) -> tuple[int, int]:
    """(width, height) that a picture's head tells, before it is turned."""
    with _told():
        return Image.open(io.BytesIO(data), formats=_formats()).size


def on_white(image: Image.Image) -> Image.Image:
    """The picture in RGB of 8 bits, turned upright, on white where it is transparent."""
    with _told():
        found = _on_white(image)
        return _plain(found.copy() if found is image else found)


def _on_white(image):
    """The same, or the picture itself where it is so already."""
    _check_pixels(image.width * image.height)
    image.load()  # a PNG may have its orientation behind its pixels
    turn, image = _turn(image), _of_8_bits(image)
    image = image if turn is None else image.transpose(turn)
    if image.has_transparency_data:
        image = image.convert("LA" if image.mode == "La" else "RGBA").convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _plain(image):
    """Without what a file told beside its pixels, or who reads it again turns it again."""
    image.info.clear()
    return image


@contextlib.contextmanager
def _told():
    """Whatever a decoder raises is Unreadable."""
    try:
        yield
    except Unreadable:
        raise
    except UnidentifiedImageError:
        raise Unreadable(NO_IMAGE) from None
    except Image.DecompressionBombError as error:  # raised before we can ask
        _check_pixels(int(re.search(r"\d+", str(error))[0]))
        raise Unreadable(TOO_LARGE, str(error)) from error
    except Exception as error:
        raise Unreadable(BROKEN, f"{type(error).__name__}: {error}") from error


@functools.cache
def _formats():
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]  # Pillow may be built without some


def _check_pixels(count):
    if count > MOST_PIXELS:
        raise Unreadable(TOO_LARGE, f"{count:,} pixels, and at most {MOST_PIXELS:,} are read")


def _turn(image):
    """How to turn the picture upright, or None. Its other metadata may be as odd as they like,
    which ImageOps.exif_transpose does not bear."""
    try:
        return TURNS.get(image.getexif().get(ExifTags.Base.Orientation))
    except Exception:
        return None


def _of_8_bits(image):
    """Grey values of 16 bits or floats from 0 to 1 -> 8 bits; other pictures as they are.

    The high byte, as Pillow takes it of 16 bits in colour, or the two would differ.
    """
    if not image.mode.startswith(("I", "F")):
        return image
    values, tags = np.asarray(image), getattr(image, "tag_v2", {})
    bits = min(16, *tags.get(BITS_PER_SAMPLE, (16,)))
    top = 1 if image.mode == "F" else 2**bits - 1
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= top):  # so also of NaN
        raise Unreadable(NO_SCALE, f"{low:g} to {high:g}, and 0 is black and {top} white")
    grey = np.round(values * 255) if image.mode == "F" else values >> (bits - 8)
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        grey = 255 - grey
    clear = values == image.info.get("transparency")  # one value may stand for it
    return Image.fromarray(np.where(clear, 255, grey).astype(np.uint8))


def fit(picture: Image.Image | np.ndarray, size: int) -> np.ndarray:
    """RGB picture -> uint8 [size, size, 3]: short side scaled to `size`, centre cut out."""
    image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
    if image.size != (size, size):
        image = ImageOps.fit(image, (size, size), RESAMPLING)
    return np.asarray(image)


def encode_png(pixels: np.ndarray) -> bytes:
    """uint8 [h, w, 3] -> PNG bytes."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG")
    return out.getvalue()
