"""Pictures are changed as torchvision means it, by row and step, and no text becomes false."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipelines.augment import DRAWS, Augment, crop_box, uniform
from data_pipelines.images import decode, encode_png
from data_pipelines.records import Record, Records, write
from tests.data_pipelines.test_streams import equal, streams

ALL = Augment(crop=0.6, flip=True, colour=0.3)
EACH = (Augment(crop=0.6), Augment(flip=True), Augment(colour=0.3))


def shown(folder, stream, augment, steps=50, **options):
    """Pictures of a stream of four rows, one after the other, with their keys."""
    found = streams(folder, rows={stream: 4}, augment=augment, **options)
    batches = [found.batch(step)[stream] for step in range(steps)]
    return {name: np.concatenate([rows[name] for rows in batches]) for name in batches[0]}


def plain(folder, stream, steps=50):
    return shown(folder, stream, None, steps)["image"]


# ---- keys --------------------------------------------------------------------------------------


def test_pictures_are_as_they_lie_there_without_augmentation(easy):
    stored = {decode(record.image, 16).tobytes() for record in Records(easy, "images")}
    for augment in (None, Augment(), Augment(sides=("top",))):
        found = shown(easy, "images", augment)["image"]
        assert {picture.tobytes() for picture in found} == stored


@pytest.mark.parametrize("augment", [*EACH, ALL])
def test_a_row_is_a_function_of_seed_step_and_place_alone(easy, augment):
    one, other = streams(easy, augment=augment), streams(easy, augment=augment)
    batches = [one.batch(step) for step in range(30)]
    for step in (29, 3, 17):
        assert equal(other.batch(step), batches[step])
    halves = [streams(easy, augment=augment, host=h, hosts=2).batch(17) for h in (0, 1)]
    joined = {
        s: {f: np.concatenate([half[s][f] for half in halves]) for f in halves[0][s]}
        for s in halves[0]
    }
    assert equal(joined, batches[17])


def test_a_record_is_changed_otherwise_in_every_epoch_stream_and_run(easy):
    found = streams(easy, augment=ALL, rows={"draw": 60, "caption": 60})
    other = streams(easy, augment=ALL, rows={"draw": 60}, seed=4)
    again = [found.batch(0)["draw"], found.batch(1)["draw"], found.batch(0)["caption"]]
    pictures = [p.tobytes() for rows in (*again, other.batch(0)["draw"]) for p in rows["image"]]
    assert len(set(pictures)) == len(pictures) == 4 * 60  # each is one record's, four times
    one = streams(easy, augment=ALL, rows={"draw": 9, "caption": 9}, limits={"pairs": 1}).batch(0)
    assert not (one["draw"]["image"] == one["caption"]["image"]).all((1, 2, 3)).any()


def test_what_else_a_row_has_stays(easy):
    changed, unchanged = streams(easy, augment=ALL).batch(5), streams(easy).batch(5)
    for name, rows in unchanged.items():
        if "image" in rows:
            assert not np.array_equal(changed[name].pop("image"), rows.pop("image"))
    assert equal(changed, unchanged)


def test_a_key_draws_evenly_and_another_key_independently():
    drawn = np.stack([uniform(sum(DRAWS), 3, "draw", place) for place in range(3000)])
    assert drawn.min() >= 0 and drawn.max() < 1
    np.testing.assert_allclose(drawn.mean(0), 0.5, atol=0.025)  # 4.7 sigma
    related = np.corrcoef(drawn.T) - np.eye(sum(DRAWS))
    assert abs(related).max() < 0.085
    assert abs(np.corrcoef(drawn[:-1].ravel(), drawn[1:].ravel())[0, 1]) < 0.015


# ---- flip --------------------------------------------------------------------------------------


def test_half_of_the_pictures_without_text_are_mirrored_and_nothing_else(easy):
    before, after = plain(easy, "images", 250), shown(easy, "images", EACH[1], 250)["image"]
    same = (before == after).all((1, 2, 3))
    mirrored = (before[:, :, ::-1] == after).all((1, 2, 3))
    assert (same | mirrored).all()
    both = same & mirrored
    assert abs(mirrored[~both].mean() - 0.5) < 4 * 0.5 / np.sqrt((~both).sum())


@pytest.mark.parametrize("stream", ["draw", "caption"])
def test_no_pair_is_mirrored_whose_caption_speaks_of_left_or_right(easy, stream):
    texts = [text for record in Records(easy, "pairs") for text in record.texts]
    assert all("left" in text or "right" in text for text in texts)
    found = shown(easy, stream, EACH[1], steps=90)["image"]  # six epochs
    np.testing.assert_array_equal(found, plain(easy, stream, steps=90))
    blind = shown(easy, stream, Augment(flip=True, sides=()), steps=90)["image"]
    assert not np.array_equal(found, blind)


SIDED = ("the cat on the LEFT", "top-left: a cat", "a cat, right", "its right-hand cat", "leftmost")
FREE = ("a cat", "a cat above a dog", "")


@pytest.mark.parametrize(
    "sides, sided, free",
    [
        (("left", "right"), (*SIDED, "upperleft cat", "Right's cat"), FREE),
        (("左", "右"), ("猫在左边", "右侧的狗"), ("一只猫", "left")),
        (("link", "recht"), ("die linke Katze", "RECHTS"), ("eine Katze",)),
        ((), (), SIDED),
    ],
)
def test_a_text_speaks_of_sides_where_one_stands_in_it(sides, sided, free):
    says = Augment(flip=True, sides=sides).speaks_of_sides
    assert all(map(says, sided)) and not any(map(says, free))


def test_the_text_that_is_shown_decides_and_of_lone_pictures_none(easy, tmp_path):
    picture = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    pairs = [Record("a", encode_png(picture), ("a cat", "a cat at the left"), "made")]
    write(tmp_path / "one", {"pairs": pairs}, name="x", licence="", made_by="", parameters={})
    options = dict(vocabulary=easy / "vocabulary.model", steps=100)
    found = shown(tmp_path / "one", "draw", EACH[1], **options)
    flipped = (found["image"] == picture[:, ::-1]).all((1, 2, 3))
    words = streams(tmp_path / "one", vocabulary=easy / "vocabulary.model", rows={"draw": 1})
    sided = np.array(["left" in words.vocabulary.decode(text) for text in found["text"]])
    assert 150 < sided.sum() < 250 and not flipped[sided].any()
    assert 0.35 < flipped[~sided].mean() < 0.65
    lent = shown(tmp_path / "one", "images", EACH[1], **options)["image"]
    assert 0.4 < (lent == picture[:, ::-1]).all((1, 2, 3)).mean() < 0.6


# ---- crop --------------------------------------------------------------------------------------


def boxes(width, height, least, count=2000):
    draws = np.random.default_rng(0).random((count, DRAWS[2]))
    return np.array([crop_box(width, height, least, drawn) for drawn in draws])


@given(
    width=st.integers(1, 700),
    form=st.floats(0.75, 4 / 3),
    least=st.floats(0.01, 1),
    seed=st.integers(0, 2**31),
)
def test_a_crop_lies_in_its_picture_and_keeps_the_share(width, form, least, seed):
    height = max(1, round(width / form))
    drawn = np.random.default_rng(seed).random(DRAWS[2])
    left, top, right, bottom = crop_box(width, height, least, drawn)
    assert 0 <= left < right <= width and 0 <= top < bottom <= height
    if 0.75 <= width / height <= 4 / 3:  # rounded it may be a little longer
        assert (right - left) * (bottom - top) >= least * width * height * (1 - 1e-9)


def test_crops_have_every_size_form_and_place_that_they_may_have():
    left, top, right, bottom = boxes(1000, 1000, 0.3).T
    w, h = right - left, bottom - top
    shares, ratios = w * h / 1e6, w / h
    assert 0.3 <= shares.min() < 0.31 and shares.max() > 0.97
    assert 0.745 < ratios.min() < 0.77 and 1.31 < ratios.max() < 1.345
    assert abs(np.log(ratios).mean()) < 0.02
    inside = np.stack([left / np.maximum(1000 - w, 1), top / np.maximum(1000 - h, 1)])
    np.testing.assert_allclose(inside.mean(1), 0.5, atol=0.03)
    assert left.min() == top.min() == 0 and right.max() == bottom.max() == 1000


def test_of_a_picture_longer_than_any_crop_the_middle_is_taken():
    assert set(map(tuple, boxes(400, 100, 0.9, 20))) == {(133, 0, 266, 100)}
    assert set(map(tuple, boxes(100, 400, 0.9, 20))) == {(0, 133, 100, 266)}


def test_the_pixels_of_a_crop_are_those_of_its_box_scaled():
    """In a picture whose red is its column and whose green is its row, the corners tell the box."""
    y, x = np.mgrid[:200, :240].astype(np.uint8)
    ramp = np.stack([x, y, x * 0], axis=2)
    widths = []
    for place in range(50):
        found = EACH[0](ramp, 32, "", (0, "images", place)).astype(float)
        assert found.shape == (32, 32, 3)
        (w, h) = (found[-1, -1, :2] - found[0, 0, :2]) * 32 / 31  # from centre to centre
        assert w * h >= (0.6 - 0.02) * 240 * 200 and w <= 242 and h <= 202
        np.testing.assert_allclose(np.diff(found[5, 2:-2, 0]), w / 32, atol=1.01)  # not cut: scaled
        widths.append(w)
    assert min(widths) < 190 and max(widths) > 230


# ---- colour ------------------------------------------------------------------------------------

GREYS = np.tile(np.uint8([[[70] * 3, [170] * 3]]), (16, 8, 1))
TINTED = np.full((16, 16, 3), (150, 120, 90), np.uint8)


def factors(colour, count=1000):
    """(brightness, contrast, saturation) [count], measured on two pictures of few colours."""
    augment, greys, tinted = Augment(colour=colour), [], []
    for place in range(count):
        greys.append(augment(GREYS, 16, "", (0, "images", place)).astype(float))
        tinted.append(augment(TINTED, 16, "", (0, "images", place)).astype(float))
    spread = lambda pictures: np.ptp(np.reshape(pictures, (count, -1)), axis=1)
    bright = np.mean(greys, axis=(1, 2, 3)) / GREYS.mean()
    both = spread(greys) / spread([GREYS] * count)
    return bright, both / bright, spread(tinted) / 60 / both


@pytest.mark.parametrize("colour", [0.1, 0.2])
def test_brightness_contrast_and_saturation_are_scaled_by_up_to_the_strength(colour):
    found = factors(colour)
    for factor in found:
        ends = factor.min(), factor.max()
        np.testing.assert_allclose(ends, (1 - colour, 1 + colour), atol=0.04)
        assert abs(factor.mean() - 1) < 0.02
        assert factor.std() == pytest.approx(colour / np.sqrt(3), rel=0.1)  # even from end to end
    assert abs(np.corrcoef(found) - np.eye(3)).max() < 0.13


def test_colour_0_is_identity_and_colour_moves_no_pixel():
    rows = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    for place in range(20):
        np.testing.assert_array_equal(Augment(colour=0.0)(rows, 16, "", (0, "a", place)), rows)
    grey = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    for place in range(20):
        changed = Augment(colour=0.4)(grey, 16, "", (0, "a", place)).astype(int)
        assert (np.diff(changed[..., 0].ravel()) >= 0).all()  # as dark and light as before
        assert np.ptp(changed, axis=2).max() == 0  # and grey stays grey


# ---- where it does not reach ---------------------------------------------------------------------


def test_a_picture_that_a_question_is_about_stays_as_it_is(easy_asked):
    rows = {"questions": 8}
    found = streams(easy_asked, rows=rows, answer_length=5, augment=ALL)
    before = streams(easy_asked, rows=rows, answer_length=5)
    assert all(equal(found.batch(step), before.batch(step)) for step in range(10))


def test_one_change_turned_on_leaves_the_draws_of_the_others(easy):
    picture = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    for place in range(50):
        key = (0, "images", place)
        flipped = Augment(flip=True)(picture, 16, "", key)
        both = Augment(flip=True, colour=0.3)(picture, 16, "", key)
        np.testing.assert_array_equal(both, Augment(colour=0.3)(flipped, 16, "", key))
