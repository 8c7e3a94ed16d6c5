import dataclasses
from collections import Counter

import numpy as np
import pytest

from data_pipelines.errors import UserError
from data_pipelines.scenes.grammar import PATTERNS, WORDS, caption
from data_pipelines.scenes.oracle import read_caption
from data_pipelines.scenes.world import COLOURS, DIAMETERS, SHAPES, Scene, preset, sample

TINY = preset("tiny")


@pytest.mark.parametrize("name", ["easy", "tiny", "medium", "harder"])
def test_every_caption_says_its_scene(name):
    world, rng = preset(name), np.random.default_rng(0)
    for scene in sample(world, 300, rng, held_out=False):
        for _ in range(4):
            text = caption(scene, world, rng)
            assert Counter(read_caption(text, world)) == Counter(scene.objects), text


def test_captions_of_two_objects_stay_within_19_words():
    rng = np.random.default_rng(1)
    world = dataclasses.replace(TINY, patterns=len(PATTERNS))
    texts = [caption(s, world, rng) for s in sample(TINY, 1000, rng, held_out=False)]
    assert max(len(text.split()) for text in texts) == 19


def test_a_scene_has_many_captions():
    scene = Scene.parse("0-big-red-circle+3-small-blue-square")
    rng = np.random.default_rng(0)
    world = dataclasses.replace(TINY, patterns=len(PATTERNS))
    texts = {caption(scene, world, rng) for _ in range(500)}
    assert len(texts) > 300
    assert len({text.split()[0] for text in texts}) >= len(PATTERNS)


def test_no_word_has_two_meanings():
    words = [w for meanings in WORDS.values() for choice in meanings.values() for w in choice]
    assert len(set(words)) == len(words)


def test_there_is_a_word_for_everything_that_can_be_drawn():
    assert set(WORDS["colour"]) == set(COLOURS)
    assert set(WORDS["shape"]) == set(SHAPES)
    assert set(WORDS["size"]) == set(DIAMETERS)


def test_a_grid_without_words_is_refused():
    world = dataclasses.replace(TINY, places=(4, 4))
    with pytest.raises(UserError, match="4 x 4 places"):
        caption(Scene.parse("0-big-red-circle"), world, np.random.default_rng(0))
