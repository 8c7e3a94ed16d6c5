"""One text or picture stands wherever several may, in any form that Python users have."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from data_pipelines.errors import UserError
from itit_jax.serve import asked

PIXELS = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=9), max_size=3))
def test_a_text_is_one_and_a_collection_of_any_kind_is_several(texts):
    for form in (list, tuple, iter, lambda x: np.array(x, object), lambda x: dict.fromkeys(x)):
        expected = list(dict.fromkeys(texts)) if isinstance(form(texts), dict) else texts
        assert asked.texts(form(texts)) == expected
    for text in texts:
        assert asked.texts(text) == [text]


@pytest.mark.parametrize("wrong", [3, None, b"ab", ["a", None], [["a"]], 1.5])
def test_what_is_no_text_is_one_sentence(wrong):
    with pytest.raises(UserError, match="is no text; give "):
        asked.texts(wrong)


def forms(folder):
    """One picture in every form."""
    Image.fromarray(PIXELS).save(folder / "a b.png")
    return [str(folder / "a b.png"), folder / "a b.png", f"file://{folder}/a%20b.png",
            Image.fromarray(PIXELS), PIXELS]  # fmt: skip


def test_a_picture_is_one_in_every_form_and_a_collection_is_several(tmp_path):
    every = forms(tmp_path)
    for one in every:
        (found,) = asked.pictures(one)
        np.testing.assert_array_equal(np.asarray(found), PIXELS)
    for several in (every, tuple(every), iter(every), np.stack([PIXELS] * 5)):
        found = asked.pictures(several)
        assert len(found) == 5
        assert all(np.array_equal(np.asarray(picture), PIXELS) for picture in found)
    assert len(asked.pictures(PIXELS[..., 0])) == 1  # of one channel, or a mask
    assert len(asked.pictures(np.zeros((3, 8, 9), bool))) == 3
    assert asked.pictures([]) == []


@pytest.mark.parametrize("shape", [(0, 9, 3), (8, 0, 3), (0, 0), (2, 8, 0, 3)])
def test_a_picture_without_pixels_is_one_sentence(shape):
    for each in (np.zeros(shape, np.uint8), [np.zeros(shape[-3:], np.uint8)]):
        with pytest.raises(UserError, match="has no pixels; give a picture that has some"):
            asked.pictures(each)


def test_a_path_from_home_is_opened(tmp_path, monkeypatch):
    forms(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(asked.pictures("~/a b.png")) == 1


@pytest.mark.parametrize(
    "wrong, words",
    [
        (3, "is no picture; give one, or a list"),
        ([3], "is no picture; give a path"),
        ([None], "is no picture"),
        (np.zeros(3), "of shape"),
        (["nowhere.png"], "nowhere.png does not exist"),
        (__file__, "give another picture"),
    ],
)
def test_what_is_no_picture_is_one_sentence(wrong, words):
    with pytest.raises(UserError, match=words):
        asked.pictures(wrong)
