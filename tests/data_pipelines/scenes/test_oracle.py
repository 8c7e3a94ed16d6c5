import subprocess
import sys

import numpy as np
import pytest

from data_pipelines.scenes.drawing import draw
from data_pipelines.scenes.oracle import agreement, measure, read_caption, read_pictures
from data_pipelines.scenes.world import Object, Scene, preset, sample

TINY, HARDER = preset("tiny"), preset("harder")
RED = Object(0, "circle", "red", "big")
BLUE = Object(3, "square", "blue", "small")


@pytest.mark.parametrize("name", ["easy", "tiny", "medium", "harder"])
def test_both_readers_are_right_on_originals_noisy_and_blurred_ones(name):
    results = measure(preset(name), 300, seed=1)
    assert results.pop("pictures a second") > 0
    assert min(results.values()) >= 0.99, results


def test_pictures_of_another_size_are_read_too():
    rng = np.random.default_rng(0)
    scenes = sample(TINY, 100, rng, held_out=True)
    images = np.stack([draw(scene, TINY, rng, 48) for scene in scenes])
    assert agreement(read_pictures(images, TINY), scenes) >= 0.99


def test_an_empty_picture_shows_nothing():
    image = draw(Scene(()), TINY, np.random.default_rng(0))
    assert read_pictures(image[None], TINY) == [()]


def test_a_wrong_picture_is_read_as_what_it_shows():
    images = np.stack([draw(Scene((BLUE,)), TINY, np.random.default_rng(0))])
    assert agreement(read_pictures(images, TINY), [Scene((RED,))]) == 0


@pytest.mark.parametrize(
    "text",
    [
        "a big red circle in the top left and a small blue square at the bottom right",
        "lower right: little azure box; upper left: large crimson disc",
        "Big red circle top left small blue square bottom right",
        "in the bottom right a blue small square in the left top a red big circle",
        "there is zzz a big red circle um top left , and and a small blue square lower right",
    ],
)
def test_words_may_come_in_any_order_and_between_rubbish(text):
    assert sorted(read_caption(text, TINY)) == [RED, BLUE]


def test_a_repeated_object_is_returned_twice():
    assert read_caption("big red circle top left, big red circle top left", TINY) == (RED, RED)


@pytest.mark.parametrize(
    ("text", "objects"),
    [
        ("", ()),
        ("the cat sat on a mat", ()),
        ("a red circle in the top left", (RED._replace(size=None),)),
        ("a big red circle", (RED._replace(place=None),)),
        ("a big red circle in the top", (RED._replace(place=None),)),
        ("a big red circle in the middle", (RED._replace(place=None),)),
        (
            "a big red circle in the top left in the bottom right",
            (RED, Object(3, None, None, None)),
        ),
        (
            "big small red circle top left",
            (Object(None, None, None, "big"), RED._replace(size="small")),
        ),
    ],
)
def test_what_is_unsaid_or_contradictory_is_never_guessed(text, objects):
    assert read_caption(text, TINY) == objects


@pytest.mark.parametrize(
    ("words", "place"),
    [("upper middle", 1), ("middle left", 3), ("center", 4), ("center right", 5), ("top right", 2)],
)
def test_nine_places_have_names(words, place):
    assert read_caption(f"a big red circle in the {words}", HARDER) == (RED._replace(place=place),)


def test_an_unknown_preset_ends_the_command_with_one_sentence():
    command = [sys.executable, "-m", "data_pipelines.scenes.oracle", "--preset=nope"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--preset must be one of easy, tiny" in done.stderr and done.stdout == ""
