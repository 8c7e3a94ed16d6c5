import dataclasses

import numpy as np
import pytest

from data_pipelines.scenes.drawing import coverage, draw
from data_pipelines.scenes.world import COLOURS, SHAPES, Object, Scene, preset

TINY = preset("tiny")
PLAIN = dataclasses.replace(TINY, jitter=0, tint=0.0, gradient=0.0, noise=0.0)
SCENE = Scene.parse("0-big-red-circle+3-small-blue-square")


def test_drawing_is_a_function_of_scene_and_seed():
    pictures = [draw(SCENE, TINY, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert pictures[0].dtype == np.uint8 and pictures[0].shape == (32, 32, 3)
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


@pytest.mark.parametrize("size", [32, 48, 50, 64])
def test_objects_stand_in_the_middle_of_their_cells_at_any_size(size):
    picture = draw(SCENE, PLAIN, np.random.default_rng(0), size)
    near, far = size // 4, 3 * size // 4
    assert tuple(picture[near, near]) == COLOURS["red"]
    assert tuple(picture[far, far]) == COLOURS["blue"]
    assert (picture[near, far] == 252).all() and (picture[far, near] == 252).all()


@pytest.mark.parametrize(
    ("shape", "area"), [("circle", np.pi), ("square", 3.3856), ("diamond", 2), ("cross", 2.04)]
)
def test_shapes_cover_the_area_that_geometry_says(shape, area):
    thing = Object(0, shape, "red", "big")
    covered = coverage(thing, PLAIN, 256, (0, 0)).sum()
    assert covered == pytest.approx(area * 56**2, rel=0.01)  # the radius is 0.875 * 128 / 2


def test_no_object_leaves_its_cell_at_the_largest_shift():
    for shape in SHAPES:
        cover = coverage(Object(0, shape, None, "big"), TINY, 32, (1, 1))
        assert cover[:16, :16].sum() == cover.sum() > 0


def test_a_shift_moves_the_object_by_so_many_pixels():
    thing = Object(0, "triangle", None, "small")
    still, moved = (coverage(thing, TINY, 32, shift) for shift in ((0, 0), (1, -1)))
    assert np.array_equal(np.roll(still, (1, -1), (0, 1)), moved)


def test_backgrounds_are_light():
    picture = draw(Scene(()), TINY, np.random.default_rng(0))
    assert picture.min() > 200
