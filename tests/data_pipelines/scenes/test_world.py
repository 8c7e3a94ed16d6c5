import collections
import dataclasses
import itertools

import numpy as np
import pytest

from data_pipelines.errors import UserError
from data_pipelines.scenes.world import (
    PRESETS,
    Object,
    Scene,
    World,
    fair_shares,
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


@pytest.mark.parametrize("held_out", [False, True])
def test_a_large_sample_shows_every_scene(held_out):
    drawn = sample(EASY, 2000, np.random.default_rng(0), held_out=held_out)
    expected = {s for s in all_scenes(EASY) if shows_held_out(s, EASY) == held_out}
    assert len(drawn) == 2000 and set(drawn) == expected


@pytest.mark.parametrize("name", PRESETS)
def test_splits_are_as_large_as_asked_and_share_no_scene(name):
    world = preset(name)
    splits = split_scenes(world, seed=3)
    assert {k: len(v) for k, v in splits.items()} == dataclasses.asdict(world.counts)
    for one, other in itertools.combinations(splits.values(), 2):
        assert not set(one) & set(other)


def test_every_split_has_each_number_of_objects_equally_often():
    for scenes in split_scenes(preset("tiny"), seed=0).values():
        share = sum(len(scene.objects) == 1 for scene in scenes) / len(scenes)
        assert share == pytest.approx(0.5, abs=0.01)


def test_a_split_repeats_a_scene_only_when_its_distinct_ones_have_run_out():
    for scenes in split_scenes(preset("tiny"), seed=0).values():
        pairs = [scene for scene in scenes if len(scene.objects) == 2]
        assert len(set(pairs)) == len(pairs)
    alone = [s for s in split_scenes(preset("tiny"), seed=0)["pairs"] if len(s.objects) == 1]
    times = collections.Counter(alone).values()
    assert max(times) - min(times) <= 1


def test_scarce_scenes_are_shared_fairly():
    assert fair_shares({"a": 100, "b": 2, "c": 100}, 22) == {"a": 10, "b": 2, "c": 10}
    assert fair_shares({"a": 1, "b": 2}, 22) == {"a": 1, "b": 2}


def test_held_out_combinations_stand_in_the_held_out_split_only():
    world = preset("tiny")
    for split, scenes in split_scenes(world, seed=0).items():
        shown = [shows_held_out(scene, world) for scene in scenes]
        assert all(shown) if split == "held_out" else not any(shown)


def test_the_presets_to_train_on_have_ten_lone_records_of_each_kind_to_a_pair():
    for name in ("tiny", "medium", "harder"):
        counts = preset(name).counts
        assert min(counts.images, counts.texts) >= 10 * counts.pairs


def test_equal_seeds_draw_equal_splits():
    assert split_scenes(EASY, 5) == split_scenes(EASY, 5)
    assert split_scenes(EASY, 5) != split_scenes(EASY, 6)


def test_a_world_with_fewer_scenes_than_splits_is_refused():
    world = dataclasses.replace(EASY, colours=("red",), shapes=("circle",), sizes=("big",))
    with pytest.raises(UserError, match="too few scenes of 1 objects"):
        split_scenes(dataclasses.replace(world, held_out=()), 0)


def test_an_unknown_preset_is_refused_with_the_names_there_are():
    with pytest.raises(UserError, match="easy, tiny, medium, harder"):
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
