"""What a caption says and what a picture shows, as lists of objects to hold against the truth.

python -m data_pipelines.scenes.oracle --preset=tiny     prints how well both are read

Neither reader learns anything: captions are read word by word with the grammar's vocabulary,
pictures cell by cell against renderings of every shape, size and shift. Both return what stands
there, wrong, repeated or half-said objects too, so that errors of a model cost it precision.
"""

import functools
import itertools
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from configs.commands import Argument, command
from configs.keys import at_least, one_of
from data_pipelines.scenes import grammar
from data_pipelines.scenes.drawing import coverage, draw
from data_pipelines.scenes.world import COLOURS, PRESETS, Object, Scene, World, preset, sample

MEANINGS = {
    word: (field, meaning)
    for field, meanings in grammar.WORDS.items()
    for meaning, words in meanings.items()
    for word in words
}
PLACE_FIELDS = {"row", "column", "centre"}

FAINTEST = 80.0  # contrast to the background, in grey levels over RGB, that still is an object
FADING = (0.6, 1.2)  # a blurred small object keeps this share of its contrast


def read_caption(text: str, world: World) -> tuple[Object, ...]:
    """The objects that a caption names, in its order; what it leaves unsaid is None."""
    groups = list(_groups(text))
    place_leads = bool(groups) and _is_place(groups[0])
    objects = []
    while groups:
        group = groups.pop(0)
        if groups and _is_place(group) == place_leads and _is_place(groups[0]) != place_leads:
            group |= groups.pop(0)
        said = (group.get(field) for field in ("shape", "colour", "size"))
        objects.append(Object(_place(group, world), *said))
    return tuple(objects)


def _groups(text: str) -> Iterator[dict[str, str]]:
    """Runs of words about one thing or one place: {field: meaning}. A noun ends its run."""
    group = {}
    for word in re.findall("[a-z]+", text.lower()):
        if word not in MEANINGS:
            continue
        field, meaning = MEANINGS[word]
        turned = _is_place(group) != (field in PLACE_FIELDS)
        if group and (turned or field in group or "shape" in group):
            yield group
            group = {}
        group[field] = meaning
    if group:
        yield group


def _is_place(group: dict[str, str]) -> bool:
    return not PLACE_FIELDS.isdisjoint(group)


def _place(group: dict[str, str], world: World) -> int | None:
    centre = group.get("centre")
    name = group.get("row", centre), group.get("column", centre)
    names = grammar.place_names(world)
    return names.index(name) if name in names else None


class Templates(NamedTuple):
    """Renderings of everything that one cell may hold, T of them over the cell's P pixels."""

    window: tuple[slice, slice]
    patterns: np.ndarray  # float32 [P, T], zero mean, unit norm
    means: np.ndarray  # [T], before that
    norms: np.ndarray  # [T]
    kinds: list[tuple[str, str]]  # (shape, size) of each


def read_pictures(images: np.ndarray, world: World) -> list[tuple[Object, ...]]:
    """The objects in every picture of uint8 [n, size, size, 3], by place."""
    found = [[] for _ in images]
    for place in range(world.places[0] * world.places[1]):
        templates = _templates(world, place, images.shape[1])
        cells = images[:, *templates.window].astype(np.float32)
        shown, best, colours = _match(cells.reshape(len(images), -1, 3), templates, world)
        for i in np.flatnonzero(shown):
            shape, size = templates.kinds[best[i]]
            found[i].append(Object(place, shape, world.colours[colours[i]], size))
    return [tuple(objects) for objects in found]


def _match(
    cells: np.ndarray, templates: Templates, world: World
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(is there an object, its template, its colour) of every cell in float32 [n, P, 3].

    Fits pixel = background + cover * contrast by least squares for all templates at once and
    takes the one that explains most of the cell's variance.
    """
    means = cells.mean(1)
    flat = (cells - means[:, None]).transpose(0, 2, 1).reshape(-1, cells.shape[1])
    fits = (flat @ templates.patterns).reshape(len(cells), 3, -1)
    best = np.square(fits).sum(1).argmax(1)
    contrast = fits[np.arange(len(cells)), :, best] / templates.norms[best, None]
    background = means - templates.means[best, None] * contrast
    shown = np.linalg.norm(contrast, axis=1) > FAINTEST
    return shown, best, _nearest_colour(contrast, background, world)


def _nearest_colour(contrast: np.ndarray, background: np.ndarray, world: World) -> np.ndarray:
    """Index of the colour whose contrast to the background [n, 3], faded or not, is nearest."""
    palette = np.float32([COLOURS[name] for name in world.colours])
    ideal = palette - background[:, None]
    share = (ideal * contrast[:, None]).sum(-1) / np.square(ideal).sum(-1)
    faded = np.clip(share, *FADING)[..., None] * ideal
    return np.square(faded - contrast[:, None]).sum(-1).argmin(1)


@functools.lru_cache(maxsize=64)
def _templates(world: World, place: int, size: int) -> Templates:
    row, column = divmod(place, world.places[1])
    window = _span(row, world.places[0], size), _span(column, world.places[1], size)
    shifts = range(-world.jitter, world.jitter + 1)
    kinds, covers = [], []
    for shape, big, *shift in itertools.product(world.shapes, world.sizes, shifts, shifts):
        thing = Object(place, shape, None, big)
        covers.append(coverage(thing, world, size, tuple(shift))[window].ravel())
        kinds.append((shape, big))
    patterns = np.stack(covers, axis=1)
    means = patterns.mean(0)
    norms = np.linalg.norm(patterns - means, axis=0)
    return Templates(window, (patterns - means) / norms, means, norms, kinds)


def _span(index: int, cells: int, size: int) -> slice:
    return slice(round(index * size / cells), round((index + 1) * size / cells))


def agreement(read: Iterable[Sequence[Object]], scenes: Iterable[Scene]) -> float:
    """F1 over objects, right only if all four attributes are."""
    right = total = 0
    for objects, scene in zip(read, scenes, strict=True):
        right += (Counter(objects) & Counter(scene.objects)).total()
        total += len(objects) + len(scene.objects)
    return 2 * right / total


def measure(world: World, count: int, seed: int) -> dict[str, float]:
    """F1 of both readers on fresh scenes, and pictures read in a second."""
    rng = np.random.default_rng(seed)
    scenes = sample(world, count, rng, held_out=False)
    images = np.stack([draw(scene, world, rng) for scene in scenes])
    texts = [grammar.caption(scene, world, rng) for scene in scenes]
    noisy = np.clip(images + rng.normal(0, 8, images.shape), 0, 255).astype(np.uint8)
    blur = ImageFilter.GaussianBlur(0.7)
    blurred = np.stack([np.asarray(Image.fromarray(image).filter(blur)) for image in images])
    results = {"captions": agreement((read_caption(t, world) for t in texts), scenes)}
    views = {"pictures": images, "pictures, noise 8": noisy, "pictures, blur 0.7": blurred}
    results |= {name: agreement(read_pictures(v, world), scenes) for name, v in views.items()}
    start = time.perf_counter()
    read_pictures(images, world)
    return results | {"pictures a second": count / (time.perf_counter() - start)}


ARGUMENTS = {
    "--preset": Argument("tiny", "how difficult", one_of(*PRESETS), form="NAME"),
    "--count": Argument(500, "scenes to read", at_least(1), form="N"),
    "--seed": Argument(0, "of the scenes", at_least(0), form="N"),
}


@command("data_pipelines.scenes.oracle", "measure how well the scenes oracle reads", ARGUMENTS)
def main(options) -> None:
    """Print the table."""
    results = measure(preset(options.preset), options.count, options.seed)
    for name, value in results.items():
        print(f"{name:20} {value:.4f}" if value <= 1 else f"{name:20} {value:.0f}")


if __name__ == "__main__":
    sys.exit(main())
