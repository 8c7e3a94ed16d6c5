"""Pictures and masks of users, against plain loops over pixels."""

import io

import numpy as np
import pytest
from PIL import Image

from data_pipelines.errors import UserError
from data_pipelines.images import decode
from itit_jax.serve.pictures import Edit, fit


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def white(shape, *places):
    mask = np.zeros(shape, bool)
    for place in places:
        mask[place] = True
    return mask


def test_pictures_of_any_size_are_cut_to_their_middle():
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 255
    assert fit(wide, 10).min() == 255
    assert fit(Image.fromarray(wide).convert("L"), 5).shape == (5, 5, 3)


def test_a_picture_that_was_enlarged_for_the_eye_is_taken_as_it_was():
    pixels = noise(9, 9, 3)
    enlarged = pixels.repeat(8, axis=0).repeat(8, axis=1)
    np.testing.assert_array_equal(fit(enlarged, 9), pixels)
    touched = enlarged.copy()
    touched[0, 0] ^= 255  # blocks no longer
    assert (fit(touched, 9) != pixels).any()


@pytest.mark.parametrize("shape", [(23, 37), (20, 8), (5, 9), (7, 7)])
def test_a_picture_is_brought_to_its_size_as_the_data_set_brings_it(shape):
    """Larger than the size, in part or not at all: what is smaller was not enlarged for the eye."""
    pixels = noise(*shape, 4)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")  # half transparent
    np.testing.assert_array_equal(fit(Image.open(file), 10), decode(file.getvalue(), 10))


@pytest.mark.parametrize("picture", [np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), np.int64),
                                     np.full((4, 4), 9, np.float32), "x.png", None])  # fmt: skip
def test_what_is_no_picture_is_one_sentence(picture):
    with pytest.raises(UserError, match=r"^a picture cannot be read: .*uint8 \[h, w, 3\]\.$"):
        fit(picture, 8)


def test_arrays_of_16_bits_mean_what_their_files_mean():
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    np.testing.assert_array_equal(fit(grey.astype(np.uint16) * 257, 8), fit(grey, 8))


@pytest.mark.parametrize("side, size", [(7, 7), (24, 8), (23, 8), (5, 8)])
def test_a_pixel_of_the_model_is_redrawn_if_any_white_pixel_lies_in_it(side, size):
    mask = np.random.default_rng(1).random((side, side)) < 0.05
    mask[0, 0] = True
    expected = np.zeros((size, size), bool)
    for y, x in np.argwhere(mask):
        rows, columns = (range(p * size // side, -(-(p + 1) * size // side)) for p in (y, x))
        expected[np.ix_(rows, columns)] = True
    np.testing.assert_array_equal(Edit(noise(side, side, 3), mask).redraw(size), expected)


@pytest.mark.parametrize(
    "shape, place", [((16, 16), (0, 0)), ((48, 40), (5, 3)), ((9, 30), (8, 12))]
)
def test_only_white_pixels_change(shape, place):
    picture, mask = noise(*shape, 3), white(shape, place, (place[0], place[1] + 4))
    finished = np.asarray(Edit(picture, mask).finish(np.full((16, 16, 3), 77, np.uint8)))
    np.testing.assert_array_equal(finished[~mask], picture[~mask])
    assert (finished[mask] == 77).all()


def test_what_was_drawn_lies_where_it_was_drawn():
    """A wide picture: the model's pixel (y, x) covers a block of the middle square."""
    drawn = noise(4, 4, 3)
    middle = white((8, 20), (slice(None), slice(6, 14)))
    blocks = np.full((8, 20, 3), 9, np.uint8)  # of one colour: as if enlarged, so no smoothing
    finished = np.asarray(Edit(blocks, middle).finish(drawn))
    np.testing.assert_array_equal(finished[:, 6:14], drawn.repeat(2, axis=0).repeat(2, axis=1))
    np.testing.assert_array_equal(Edit(blocks, middle).pixels(4), np.full((4, 4, 3), 9))


def test_what_was_drawn_for_a_small_picture_is_made_smaller_smoothly():
    drawn, small = noise(16, 16, 3), noise(5, 5, 3)
    finished = Edit(small, np.ones((5, 5), bool)).finish(drawn)
    expected = Image.fromarray(drawn).resize((5, 5), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(finished, expected)


def test_masks_may_be_pictures_of_any_mode():
    mask = white((16, 16), (3, 4))
    grey = Image.fromarray((mask * 255).astype(np.uint8))
    clear = Image.new("RGBA", (16, 16), "black")  # transparent counts as white
    clear.putalpha(Image.fromarray((~mask * 255).astype(np.uint8)))
    for given in (mask, grey, grey.convert("RGB"), grey.convert("1"), clear):
        np.testing.assert_array_equal(Edit(noise(16, 16, 3), given).white, mask)


@pytest.mark.parametrize(
    "mask, sentence",
    [
        (white((16, 20)), "the mask has no white pixel; make white what is to be drawn anew."),
        (white((16, 16), (1, 1)), "the mask has 16x16 pixels and its picture 20x16; make them"),
        (white((16, 20), (1, 1)), "outside of the picture's middle square"),
    ],
)
def test_a_mask_of_nothing_or_of_another_shape_is_one_sentence(mask, sentence):
    with pytest.raises(UserError) as error:
        Edit(noise(16, 20, 3), mask)
    assert sentence in str(error.value) and "\n" not in str(error.value)
