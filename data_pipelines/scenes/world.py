"""Scenes of coloured shapes on a grid: what there is, how hard it is, which scenes a split holds.

A scene's code is its truth and stands in the key of its record, so every picture and caption of
the data set can be scored exactly, without a judge.
"""

import dataclasses
import itertools
import math
from typing import NamedTuple

import numpy as np

from data_pipelines.errors import UserError

COLOURS = {
    "red": (222, 36, 36),
    "green": (30, 165, 60),
    "blue": (40, 80, 225),
    "yellow": (246, 206, 16),
    "purple": (175, 50, 200),
    "black": (28, 28, 28),
    "orange": (248, 128, 20),
    "cyan": (30, 195, 215),
}
SHAPES = ("circle", "square", "triangle", "cross", "diamond", "ring")
DIAMETERS = {"small": 0.5, "big": 0.875}  # of a cell's shorter side


class Object(NamedTuple):
    """One shape in one cell; `place` counts cells row by row. A reader puts None for 'unread'."""

    place: int | None
    shape: str | None
    colour: str | None
    size: str | None


@dataclasses.dataclass(frozen=True)
class Scene:
    """The objects of one picture, in the order of their places."""

    objects: tuple[Object, ...]

    def code(self) -> str:
        """The canonical name, such as `0-big-red-circle+3-small-blue-square`."""
        return "+".join(f"{o.place}-{o.size}-{o.colour}-{o.shape}" for o in sorted(self.objects))

    @staticmethod
    def parse(code: str) -> "Scene":
        """The scene of a code, or of a record key `code#number`."""
        try:
            parts = [part.split("-") for part in code.split("#")[0].split("+")]
            objects = (Object(int(p), shape, colour, size) for p, size, colour, shape in parts)
            return Scene(tuple(sorted(objects)))
        except ValueError as error:
            raise UserError(
                f"'{code}' names no scene; a record key of a data set made from scenes reads "
                "like 0-big-red-circle+3-small-blue-square#7."
            ) from error


@dataclasses.dataclass(frozen=True)
class Counts:
    """Records of each split."""

    pairs: int
    images: int
    texts: int
    validation: int
    test: int
    held_out: int


@dataclasses.dataclass(frozen=True)
class World:
    """How difficult the scenes are; jitter in pixels and tints in grey levels of 255."""

    counts: Counts
    places: tuple[int, int] = (2, 2)  # rows, columns
    objects: tuple[int, int] = (1, 2)  # least, most
    colours: tuple[str, ...] = ("red", "green", "blue", "yellow", "purple", "black")
    shapes: tuple[str, ...] = ("circle", "square", "triangle", "cross")
    sizes: tuple[str, ...] = ("small", "big")
    held_out: tuple[tuple[str, str], ...] = ()  # (colour, shape) that training never shows
    image_size: int = 32
    jitter: int = 1
    tint: float = 20.0
    gradient: float = 10.0
    noise: float = 1.5
    captions: int = 4  # captions of a scene
    patterns: int = 7  # sentence patterns of the grammar, of 7

    def kinds(self, held_out: bool) -> list[tuple[str, str, str]]:
        """(shape, colour, size) that may stand in a cell, with or without the held-out ones."""
        every = itertools.product(self.shapes, self.colours, self.sizes)
        return [k for k in every if held_out or (k[1], k[0]) not in self.held_out]

    def available(self, objects: int, held_out: bool) -> int:
        """Distinct scenes of so many objects: with a held-out combination, or free of any."""
        allowed, every = len(self.kinds(False)), len(self.kinds(True))
        kinds = every**objects - allowed**objects if held_out else allowed**objects
        return math.comb(math.prod(self.places), objects) * kinds


PRESETS = {
    "easy": World(
        counts=Counts(pairs=60, images=200, texts=200, validation=40, test=60, held_out=40),
        colours=("red", "blue", "yellow"),
        shapes=("circle", "square"),
        held_out=(("blue", "circle"),),
    ),
    "tiny": World(  # learnt on two CPU cores in minutes; each relief is worth some of them
        counts=Counts(pairs=500, images=6000, texts=6000, validation=300, test=500, held_out=300),
        held_out=(("red", "triangle"), ("blue", "cross")),
        jitter=0,
        tint=10.0,
        gradient=0.0,
        noise=0.0,
        patterns=4,
    ),
    "medium": World(  # tiny without its reliefs: jitter, tints, gradients, noise, all patterns
        counts=Counts(pairs=500, images=6000, texts=6000, validation=300, test=500, held_out=300),
        held_out=(("red", "triangle"), ("blue", "cross")),
    ),
    "harder": World(
        counts=Counts(
            pairs=2000, images=20000, texts=20000, validation=500, test=1000, held_out=500
        ),
        places=(3, 3),
        objects=(1, 3),
        colours=tuple(COLOURS),
        shapes=SHAPES,
        held_out=(("red", "triangle"), ("blue", "cross"), ("green", "ring"), ("black", "diamond")),
        image_size=48,
    ),
}


def preset(name: str) -> World:
    """The world of that name."""
    if name not in PRESETS:
        raise UserError(f"There is no scenes preset '{name}'; choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]


def split_scenes(world: World, seed: int) -> dict[str, list[Scene]]:
    """The scenes of every split; no scene stands in two of them."""
    rng = np.random.default_rng(seed)
    counts = dataclasses.asdict(world.counts)
    held_out = {"held_out": counts.pop("held_out")}
    return deal(world, counts, rng, held_out=False) | deal(world, held_out, rng, held_out=True)


def deal(
    world: World, counts: dict[str, int], rng: np.random.Generator, *, held_out: bool
) -> dict[str, list[Scene]]:
    """So many scenes for each split, in random order, each number of objects equally often.

    No scene goes to two splits. A split whose share of distinct scenes has run out, as there are
    few of one object, shows them again: to be drawn and worded anew. With `held_out` every scene
    shows a held-out combination, without it none does.
    """
    least, most = world.objects
    numbers = range(least, most + 1)
    splits: dict[str, list[Scene]] = {name: [] for name in counts}
    for done, number in enumerate(numbers):
        wanted = {
            name: (count - len(splits[name])) // (len(numbers) - done)
            for name, count in counts.items()
        }
        distinct = fair_shares(wanted, world.available(number, held_out))
        scenes = iter(_distinct(world, number, sum(distinct.values()), rng, held_out=held_out))
        for name, count in distinct.items():
            own = list(itertools.islice(scenes, count))
            if wanted[name] and not own:
                raise UserError(
                    f"The scenes preset has too few scenes of {number} objects "
                    f"{'with' if held_out else 'without'} a held-out combination for its splits; "
                    "allow more colours, shapes or places."
                )
            splits[name] += itertools.islice(itertools.cycle(own), wanted[name])
    return {name: [s[i] for i in rng.permutation(len(s))] for name, s in splits.items()}


def sample(world: World, count: int, rng: np.random.Generator, *, held_out: bool) -> list[Scene]:
    """`count` scenes as one split would hold them."""
    return deal(world, {"sample": count}, rng, held_out=held_out)["sample"]


def fair_shares(wanted: dict[str, int], available: int) -> dict[str, int]:
    """Max-min fair division: small wishes are met, and the large ones share the rest evenly."""
    shares = {}
    for done, name in enumerate(sorted(wanted, key=wanted.get)):
        shares[name] = min(wanted[name], available // (len(wanted) - done))
        available -= shares[name]
    return {name: shares[name] for name in wanted}


def _distinct(
    world: World, objects: int, count: int, rng: np.random.Generator, *, held_out: bool
) -> list[Scene]:
    kinds = world.kinds(held_out)
    cells = list(itertools.combinations(range(math.prod(world.places)), objects))
    found: dict[Scene, None] = {}  # a dict keeps the order of drawing, a set does not
    while len(found) < count:
        places = cells[rng.integers(len(cells))]
        chosen = [kinds[i] for i in rng.integers(len(kinds), size=objects)]
        if held_out and not any((c, s) in world.held_out for s, c, _ in chosen):
            continue
        objects_here = (Object(p, *kind) for p, kind in zip(places, chosen, strict=True))
        found[Scene(tuple(objects_here))] = None
    return list(found)
