import dataclasses
import itertools

import numpy as np
import pytest

from data_pipelines.errors import UserError
from data_pipelines.scenes.world import (
    PRESETS,
    Counts,
    Object,
    Scene,
    World,
    preset,
    sample,
    split_scenes,
)

EASY = preset("easy")


def all_scenes(world: World) -> set[Scene]:
    """Every scene, by trying every content of every cell."""
    kinds = [None, *world.kinds(True)]
    cells = world.places[0] * world.places[1]
    found = set()
    for contents in itertools.product(kinds, repeat=cells):
        objects = tuple(Object(p, *kind) for p, kind in enumerate(contents) if kind)
        if world.objects[0] <= len(objects) <= world.objects[1]:
            found.add(Scene(objects))
    return found


def shows_held_out(scene: Scene, world: World) -> bool:
    return any((o.colour, o.shape) in world.held_out for o in scene.objects)


def test_available_counts_agree_with_enumeration():
    scenes = all_scenes(EASY)
    held_out = sum(shows_held_out(scene, EASY) for scene in scenes)
    assert sum(EASY.available(n, True) for n in (1, 2)) == held_out
    assert sum(EASY.available(n, False) for n in (1, 2)) == len(scenes) - held_out


def test_sampling_everything_yields_every_scene_once():
    rng = np.random.default_rng(0)
    free = sum(EASY.available(n, False) for n in (1, 2))
    held = sum(EASY.available(n, True) for n in (1, 2))
    drawn = sample(EASY, free, rng, held_out=False) + sample(EASY, held, rng, held_out=True)
    assert len(drawn) == free + held
    assert set(drawn) == all_scenes(EASY)


@pytest.mark.parametrize("name", ["easy", "tiny"])
def test_splits_are_disjoint_by_scene_and_as_large_as_asked(name):
    world = preset(name)
    splits = split_scenes(world, seed=3)
    assert {k: len(v) for k, v in splits.items()} == dataclasses.asdict(world.counts)
    every = [scene.code() for scenes in splits.values() for scene in scenes]
    assert len(set(every)) == len(every)


def test_held_out_combinations_stand_in_the_held_out_split_only():
    world = preset("tiny")
    for split, scenes in split_scenes(world, seed=0).items():
        shown = [shows_held_out(scene, world) for scene in scenes]
        assert all(shown) if split == "held_out" else not any(shown)


def test_every_preset_offers_ten_times_as_many_lone_records_as_the_demo_uses_pairs():
    for name in ("tiny", "harder"):
        assert min(preset(name).counts.images, preset(name).counts.texts) >= 10 * 500


def test_every_preset_has_the_scenes_it_promises():
    for world in PRESETS.values():
        numbers = range(world.objects[0], world.objects[1] + 1)
        counts = dataclasses.asdict(world.counts)
        assert counts.pop("held_out") <= sum(world.available(n, True) for n in numbers)
        assert sum(counts.values()) <= sum(world.available(n, False) for n in numbers)


def test_equal_seeds_draw_equal_splits():
    assert split_scenes(EASY, 5) == split_scenes(EASY, 5)
    assert split_scenes(EASY, 5) != split_scenes(EASY, 6)


def test_too_many_records_are_refused_with_the_number_there_is():
    counts = Counts(pairs=641, images=0, texts=0, validation=0, test=0, held_out=0)
    with pytest.raises(UserError, match="640 distinct scenes"):
        split_scenes(dataclasses.replace(EASY, counts=counts), 0)


def test_an_unknown_preset_is_refused_with_the_names_there_are():
    with pytest.raises(UserError, match="easy, tiny, harder"):
        preset("teeny")


def test_codes_name_scenes_and_keys_carry_them():
    scene = Scene((Object(0, "circle", "red", "big"), Object(3, "square", "blue", "small")))
    assert scene.code() == "0-big-red-circle+3-small-blue-square"
    assert Scene.parse(scene.code()) == Scene.parse(scene.code() + "#17") == scene
    for other in sample(preset("harder"), 200, np.random.default_rng(0), held_out=False):
        assert Scene.parse(other.code()) == other


def test_a_key_that_names_no_scene_is_refused():
    with pytest.raises(UserError, match="names no scene"):
        Scene.parse("photo_17.jpg")
