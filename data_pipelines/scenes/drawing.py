"""Scene -> picture: antialiased shapes in bright colours on a light, slightly uneven background."""

import functools
import math

import numpy as np

from data_pipelines.scenes.world import COLOURS, DIAMETERS, Object, Scene, World

SUBPIXELS = 4  # each pixel is the mean of 4x4 samples

# Whether a point (x right, y down, both -1 to 1) belongs to the shape.
INSIDE = {
    "circle": lambda x, y: np.hypot(x, y) <= 1,
    "square": lambda x, y: np.maximum(abs(x), abs(y)) <= 0.92,
    "triangle": lambda x, y: (y <= 0.92) & (abs(x) <= (y + 1) / 1.92),
    "cross": lambda x, y: np.minimum(abs(x), abs(y)) <= 0.3,
    "diamond": lambda x, y: abs(x) + abs(y) <= 1,
    "ring": lambda x, y: abs(np.hypot(x, y) - 0.75) <= 0.25,
}


def draw(
    scene: Scene, world: World, rng: np.random.Generator, size: int | None = None
) -> np.ndarray:
    """uint8 [size, size, 3]; `size` in pixels, the world's own if None."""
    size = size or world.image_size
    picture = _background(world, rng, size)
    for thing in scene.objects:
        shift = rng.integers(-world.jitter, world.jitter + 1, size=2)
        cover = coverage(thing, world, size, tuple(shift.tolist()))[..., None]
        picture += cover * (np.float32(COLOURS[thing.colour]) - picture)
    picture += rng.normal(0, world.noise, picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


@functools.lru_cache(maxsize=4096)
def coverage(thing: Object, world: World, size: int, shift: tuple[int, int]) -> np.ndarray:
    """float32 [size, size]: the share of every pixel that the object covers.

    `shift` is (down, right) in pixels of the world's own image size.
    """
    rows, columns = world.places
    row, column = divmod(thing.place, columns)
    scale = size / world.image_size
    y = size / rows * (row + 0.5) + shift[0] * scale
    x = size / columns * (column + 0.5) + shift[1] * scale
    radius = size / max(rows, columns) * DIAMETERS[thing.size] / 2
    columns, across = _samples(x, radius, size)
    rows, down = _samples(y, radius, size)
    inside = INSIDE[thing.shape](across[None, :], down[:, None])
    inside &= np.maximum(abs(across[None, :]), abs(down[:, None])) <= 1
    shares = inside.reshape(len(down) // SUBPIXELS, SUBPIXELS, -1, SUBPIXELS).mean((1, 3))
    cover = np.zeros((size, size), np.float32)
    cover[rows, columns] = shares
    return cover


def _samples(centre: float, radius: float, size: int) -> tuple[slice, np.ndarray]:
    """The pixels that the shape may touch along one axis, and their samples in units of radius."""
    first, last = max(0, math.floor(centre - radius)), min(size, math.ceil(centre + radius))
    points = first + (np.arange((last - first) * SUBPIXELS) + 0.5) / SUBPIXELS
    return slice(first, last), (points - centre) / radius


def _background(world: World, rng: np.random.Generator, size: int) -> np.ndarray:
    """float32 [size, size, 3]: a light tint that changes evenly along a random direction."""
    tint = 252 - world.tint * rng.random(3) - world.gradient / 2
    angle = rng.uniform(0, 2 * math.pi)
    line = np.linspace(-0.5, 0.5, size)
    slope = math.cos(angle) * line[None, :] + math.sin(angle) * line[:, None]
    return (tint + world.gradient * slope[..., None] / math.sqrt(2)).astype(np.float32)
