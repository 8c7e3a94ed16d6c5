"""Cells of rows, in the forms that libraries hand them over."""

import numpy as np
import pytest

from data_pipelines import images
from data_pipelines.errors import UserError
from data_pipelines.sources import columns
from data_pipelines.sources.base import Skipped


def test_a_column_is_found_by_a_usual_name_in_any_case_or_as_given():
    names = ["ID", "Text", "Caption", "IMAGE"]
    choose = lambda usual, given="": columns.choose(names, usual, given, "--x_column", "a.parquet")
    assert choose(columns.PICTURE_COLUMNS) == "IMAGE" and choose(("none",)) is None
    assert choose(columns.TEXT_COLUMNS) == "Caption" and choose(columns.TEXT_COLUMNS, "ID") == "ID"
    with pytest.raises(UserError, match="no column id; --x_column is one of ID, Text"):
        choose((), "id")


@pytest.mark.parametrize("cell", [None, "path.png", {"path": "x"}, 3, np.zeros(3), [b"x"]])
def test_what_holds_no_bytes_is_no_picture(cell):
    assert columns.picture(cell, "row 1") == Skipped(columns.NO_BYTES, "row 1")


def test_bytes_and_pixels_are_pictures(monkeypatch):
    assert columns.picture(b"x", "") == columns.picture({"bytes": b"x", "path": None}, "") == b"x"
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4, 1)
    found = images.decode(columns.picture(grey, ""))
    np.testing.assert_array_equal(found, np.tile(grey, 3))
    monkeypatch.setattr(images, "MOST_BYTES", 3)
    assert columns.picture(b"xxxx", "row").reason == images.TOO_LARGE
    assert columns.picture(b"", "row") == Skipped(images.BROKEN, "row (0 bytes)")
    assert columns.picture(grey[:0], "row") == Skipped(images.BROKEN, "row (0 pixels)")


@pytest.mark.parametrize(
    "cell",
    [["a b", "c"], (b"a b", b"c"), np.array([b"a b", b"c"], object), {"text": ["a b", "c"]},
     [{"raw": "a b"}, {"raw": "c"}]],
)  # fmt: skip
def test_texts_in_every_form_are_the_same(cell):
    assert columns.texts(cell, "row") == (("a b", "c"), [])


def test_what_is_no_text_is_told():
    for cell in (None, 3, {"id": 1}, [], ["a", 3], [None]):
        good, bad = columns.texts(cell, "row")
        assert not good and [each.where for each in bad] == ["row"], cell
    assert columns.texts(["a", " ", b"\xff"], "row")[0] == ("a",)
