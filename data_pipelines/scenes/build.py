"""The records of a scenes preset: pairs, lone images, lone texts and three evaluation splits."""

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np

from data_pipelines.images import encode_png
from data_pipelines.records import Record
from data_pipelines.scenes.drawing import draw
from data_pipelines.scenes.grammar import caption
from data_pipelines.scenes.world import Scene, World, preset, split_scenes


def make(name: str, seed: int, pairs: int = 0) -> tuple[dict[str, Iterable[Record]], dict]:
    """Records of every split, drawn when they are read, and the parameters that made them.

    pairs: instead of the preset's number of them; 0: that number.
    """
    world = preset(name)
    if pairs:
        counts = dataclasses.replace(world.counts, pairs=pairs)
        world = dataclasses.replace(world, counts=counts)
    scenes = split_scenes(world, seed)
    splits = {
        split: _records(world, members, split, np.random.default_rng([seed, number]))
        for number, (split, members) in enumerate(scenes.items())
    }
    return splits, {"preset": name, "seed": seed, "world": dataclasses.asdict(world)}


def _records(
    world: World, scenes: list[Scene], split: str, rng: np.random.Generator
) -> Iterator[Record]:
    for number, scene in enumerate(scenes):
        image = b"" if split == "texts" else encode_png(draw(scene, world, rng))
        texts = () if split == "images" else tuple(_captions(scene, world, rng))
        yield Record(key=f"{scene.code()}#{number}", image=image, texts=texts, source="scenes")


def _captions(scene: Scene, world: World, rng: np.random.Generator) -> Iterator[str]:
    for _ in range(world.captions):
        yield caption(scene, world, rng)
