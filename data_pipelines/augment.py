"""Pictures of training rows changed at random: cropped, flipped, other in colour.

What is meant by it, and in which order, is torchvision's (and timm's): RandomResizedCrop with
proportions of 3:4 to 4:3, RandomHorizontalFlip of one half, ColorJitter of brightness, contrast and
saturation. No hue: texts name it. A changed picture is a function of the picture, the text that is
shown with it, and the key of its row; a key's draws stand each for one thing, so that to turn one
change on leaves the others as they are.
"""

import dataclasses
import math

import numpy as np
from PIL import Image, ImageEnhance

from data_pipelines.images import RESAMPLING, fit
from data_pipelines.order import draws

RATIOS = 3 / 4, 4 / 3  # width over height of a crop
TRIES = 10  # for a crop that lies in its picture
JITTER = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
DRAWS = (1, 2 * len(JITTER), 2 + 2 * TRIES)  # of flip, colour, crop


@dataclasses.dataclass(frozen=True)
class Augment:
    """What may be changed; nothing without arguments."""

    crop: float = 1.0  # share of a picture's area that is kept at least; 1: all, no crop
    flip: bool = False  # left and right, one picture in two
    colour: float = 0.0  # each factor is 1 - colour to 1 + colour
    sides: tuple[str, ...] = ("left", "right")  # no picture is flipped whose text holds one

    @property
    def crops(self):
        """Whether a picture is wanted as large as it was stored."""
        return self.crop < 1

    @property
    def on(self):
        """Whether anything is changed."""
        return self.crops or self.flip or self.colour > 0

    def __call__(self, picture: np.ndarray, size: int, said: str, key: tuple) -> np.ndarray:
        """uint8 [h, w, 3] -> uint8 [size, size, 3]. said: the text shown with it, or nothing."""
        flip, colour, crop = np.split(uniform(sum(DRAWS), *key), np.cumsum(DRAWS[:-1]))
        if self.crops:
            box = crop_box(picture.shape[1], picture.shape[0], self.crop, crop)
            image = Image.fromarray(picture).resize((size, size), RESAMPLING, box=box)
        else:
            image = Image.fromarray(fit(picture, size))
        if self.flip and flip[0] < 0.5 and not self.speaks_of_sides(said):
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return np.asarray(jittered(image, self.colour, colour) if self.colour else image)

    def speaks_of_sides(self, said: str) -> bool:
        """Whether a side stands in the text, in whatever word: top-left, leftmost, but bright too.
        A flip left out costs nothing, and scripts without spaces have no other way."""
        return any(side.casefold() in said.casefold() for side in self.sides)


def uniform(count: int, *key) -> np.ndarray:
    """float64 [count] in [0, 1), named by the key. Not NumPy's: its streams change by version."""
    return (draws(np.arange(count), *key, "augment") >> np.uint64(11)) * 2.0**-53


def crop_box(width: int, height: int, least: float, drawn: np.ndarray) -> tuple[int, ...]:
    """(left, top, right, bottom) of a random crop that keeps `least` of the area or more.

    drawn: float64 [2 + 2 * TRIES] in [0, 1). Where no try lies in the picture, as of one much
    longer than wide, its middle in the nearest of RATIOS.
    """
    low, high = map(math.log, RATIOS)
    for share, form in drawn[2:].reshape(-1, 2):
        area = width * height * (least + (1 - least) * share)
        ratio = math.exp(low + (high - low) * form)
        w, h = math.ceil(math.sqrt(area * ratio)), math.ceil(math.sqrt(area / ratio))
        if w <= width and h <= height:
            left, top = (int(u * room) for u, room in zip(drawn, (width - w + 1, height - h + 1)))
            return left, top, left + w, top + h
    w, h = min(width, round(height * RATIOS[1])), min(height, round(width / RATIOS[0]))
    left, top = (width - w) // 2, (height - h) // 2
    return left, top, left + w, top + h


def jittered(image: Image.Image, strength: float, drawn: np.ndarray) -> Image.Image:
    """Brightness, contrast and saturation times 1 - strength to 1 + strength, in any order.

    drawn: float64 [6] in [0, 1), the factors of the three and then their order.
    """
    factors, order = np.split(drawn, 2)
    for number in np.argsort(order, kind="stable"):
        factor = 1 + strength * (2 * float(factors[number]) - 1)
        image = JITTER[number](image).enhance(factor)
    return image
