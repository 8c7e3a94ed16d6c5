"""Pictures and masks of users: brought to what a model reads, and what it drew put back."""

import numpy as np
from PIL import Image

from data_pipelines import images
from data_pipelines.errors import UserError


def fit(picture, size):
    """PIL picture, or uint8 [h, w, 3], of any size -> uint8 [size, size, 3], brought to its size
    as those of a data set are.

    A picture of that size that was enlarged for the eye, as `serve.cli draw` does, is taken as it
    was: to smooth its blocks would change what is seen in them.
    """
    image = _rgb(picture)
    small = _of_blocks(image, size)
    return images.fit(image, size) if small is None else np.asarray(small)


def _rgb(picture):
    """What may be a PIL picture or an array, as data sets read it."""
    try:
        image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
        return images.on_white(image)
    except (TypeError, images.Unreadable) as error:
        raise UserError(
            f"a picture cannot be read: {error}; give PIL pictures or uint8 [h, w, 3]."
        ) from error


def _of_blocks(image, size):
    """The picture that was enlarged to this one without smoothing, or None: what is smaller, or no
    square, was not enlarged from the model's, though nearest pixels would give it back."""
    if image.width != image.height or image.width < size:
        return None
    small = image.resize((size, size), Image.Resampling.NEAREST)
    again = small.resize(image.size, Image.Resampling.NEAREST)
    return small if again.tobytes() == image.tobytes() else None


class Edit:
    """A picture of which a part is drawn anew.

    The model reads its middle square, and only there can it draw.
    """

    def __init__(self, picture, mask):
        """mask: PIL picture, or bool or uint8 [h, w], of the picture's size; white is redrawn."""
        self.picture = _rgb(picture)
        self.white = _white(mask)
        width, height = self.picture.size
        if self.white.shape != (height, width):
            found = f"{self.white.shape[1]}x{self.white.shape[0]}"
            raise UserError(
                f"the mask has {found} pixels and its picture {width}x{height}; make them equal."
            )
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        self.box = (left, top, left + side, top + side)
        inside = np.zeros_like(self.white)
        inside[top : top + side, left : left + side] = True
        if not self.white.any():
            raise UserError("the mask has no white pixel; make white what is to be drawn anew.")
        if (self.white & ~inside).any():
            raise UserError(
                "the mask has white pixels outside of the picture's middle square, which is all "
                "that the model sees; cut the picture and its mask to a square."
            )

    def pixels(self, size):
        """What the model reads: uint8 [size, size, 3]."""
        return fit(self.picture.crop(self.box), size)

    def redraw(self, size):
        """bool [size, size]: the pixels of the model's picture that a white pixel lies in."""
        left, top, right, bottom = self.box
        covers = _covers(size, right - left)
        white = self.white[top:bottom, left:right].astype(np.float32)
        return covers @ white @ covers.T > 0

    def finish(self, drawn):
        """Model's picture uint8 [size, size, 3] -> PIL picture: this one, drawn where white."""
        square = self.picture.crop(self.box)
        blocks = _of_blocks(square, len(drawn)) is not None
        way = Image.Resampling.NEAREST if blocks else Image.Resampling.LANCZOS
        whole = self.picture.copy()
        whole.paste(Image.fromarray(drawn).resize(square.size, way), self.box)
        return Image.composite(whole, self.picture, Image.fromarray(self.white))


def _white(mask):
    """PIL picture, or bool or uint8 [h, w] or [h, w, 3] -> bool [h, w]."""
    return np.asarray(_rgb(mask).convert("L")) >= 128


def _covers(cells, pixels):
    """float32 [cells, pixels]: 1 where a pixel lies in a cell, at least in part, when both divide
    one line evenly. In whole numbers, so that borders are exact."""
    cell, pixel = np.arange(cells)[:, None] * pixels, np.arange(pixels) * cells
    return ((pixel < cell + pixels) & (cell < pixel + cells)).astype(np.float32)
