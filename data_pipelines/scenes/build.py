"""The records of a scenes preset: pairs, lone images, lone texts, three evaluation splits, and
questions about the pictures of the pairs and of those splits."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from data_pipelines.example import questions_of
from data_pipelines.images import encode_png
from data_pipelines.records import Record
from data_pipelines.scenes.drawing import draw
from data_pipelines.scenes.grammar import caption
from data_pipelines.scenes.questions import questions
from data_pipelines.scenes.world import Scene, World, preset, split_scenes

LONE = ("images", "texts")


def make(
    name: str, seed: int, pairs: int = 0, asked: int = 0
) -> tuple[dict[str, Iterable[Record]], dict]:
    """Records of every split, drawn when they are read, and the parameters that made them.

    pairs: instead of the preset's number of them; 0: that number. asked: questions of each picture
    of a split of pairs, in a split of their own.
    """
    world = preset(name)
    if pairs:
        counts = dataclasses.replace(world.counts, pairs=pairs)
        world = dataclasses.replace(world, counts=counts)
    scenes = split_scenes(world, seed)
    drawn = {
        split: functools.partial(_records, world, members, split, [seed, number])
        for number, (split, members) in enumerate(scenes.items())
    }
    splits = {split: records() for split, records in drawn.items()}
    told = {"preset": name, "seed": seed, "world": dataclasses.asdict(world)}
    if asked:
        told["asked"] = asked
        for split in scenes.keys() - set(LONE):
            ask = functools.partial(
                questions, world=world, count=asked, seed=seed, held_out=split == "held_out"
            )
            splits[questions_of(split)] = _asked(drawn[split](), ask)
    return splits, told


def _asked(records: Iterable[Record], ask: Callable) -> Iterator[Record]:
    for record in records:
        yield dataclasses.replace(record, texts=(), asked=tuple(ask(record.key)))


def _records(
    world: World, scenes: list[Scene], split: str, seed: list[int]
) -> Iterator[Record]:
    rng = np.random.default_rng(seed)
    for number, scene in enumerate(scenes):
        image = b"" if split == "texts" else encode_png(draw(scene, world, rng))
        texts = () if split == "images" else tuple(_captions(scene, world, rng))
        yield Record(key=f"{scene.code()}#{number}", image=image, texts=texts, source="scenes")


def _captions(scene: Scene, world: World, rng: np.random.Generator) -> Iterator[str]:
    for _ in range(world.captions):
        yield caption(scene, world, rng)
