"""All that lies in a folder or zip is used or counted by reason, and nothing replaces another."""

import io
import os
import pathlib
import tempfile
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from data_pipelines import images
from data_pipelines.errors import UserError
from data_pipelines.folder import Report
from data_pipelines.picture_files import HIDDEN, LINKED, NAMELESS, Pictures


def picture(shade, form="PNG"):
    out = io.BytesIO()
    Image.fromarray(np.full((5, 4, 3), shade, np.uint8)).save(out, form)
    return out.getvalue()


# What may lie there: contents, and why they are no picture.
THINGS = {
    "png": (picture(1), None),
    "tiff": (picture(2, "TIFF"), None),
    "jpeg": (picture(3, "JPEG"), None),
    "webp": (picture(4, "WEBP"), None),
    "text": (b"file\tcaption\n", images.NO_IMAGE),
    "empty": (b"", images.BROKEN),
    "cut": (picture(5)[:45], images.BROKEN),
    "pipe": (os.mkfifo, images.NO_FILE),
    "link": (lambda path: path.symlink_to("/nowhere"), images.UNREADABLE),
    "device": (lambda path: path.symlink_to("/dev/zero"), images.NO_FILE),
    "circle": (lambda path: path.symlink_to(path.parent, True), LINKED),
}
NAMES = ["a", "b.png", "c.tif", "d.jfif", "e.txt", "f.JPG", "g h#%.x", "é", ".h.png"]
FOLDERS = ["", "in/", "in/deep/", ".git/", "__MACOSX/"]
PLACES = st.tuples(st.sampled_from(FOLDERS), st.sampled_from(NAMES)).map("".join)


def lay(top, things):
    """{place: why it is none} of things in a folder."""
    expected = {}
    for place, kind in things.items():
        content, reason = THINGS[kind]
        (top / place).parent.mkdir(parents=True, exist_ok=True)
        content(top / place) if callable(content) else (top / place).write_bytes(content)
        hidden = any(part.startswith((".", "__MACOSX")) for part in place.split("/"))
        expected[place] = HIDDEN if hidden else reason
    return expected


def read(*sources):
    """-> ({place: bytes}, {place: why it is none}) of all that is told of sources."""
    report = Report()
    found = dict(Pictures(sources).usable(report))
    told = {what.split(" (")[0]: why for why, names in report.skipped.items() for what in names}
    assert sum(map(len, report.skipped.values())) == len(told)
    return found, told


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(PLACES, st.sampled_from(list(THINGS)), max_size=8))
def test_all_that_lies_in_a_folder_is_used_or_counted_by_reason(things):
    with tempfile.TemporaryDirectory() as top:
        expected = lay(pathlib.Path(top), things)
        found, told = read(top)
    assert found == {p: THINGS[things[p]][0] for p, reason in expected.items() if reason is None}
    assert told == {p: reason for p, reason in expected.items() if reason}


def test_a_folder_and_a_zip_of_it_are_the_same_pictures(tmp_path):
    things = {"b.png": "png", "a/c": "tiff", "a.txt": "text", "x/.y/z.jfif": "jpeg", "q.png": "cut"}
    lay(tmp_path / "p", things)
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for file in sorted((tmp_path / "p").rglob("*"), reverse=True):
            archive.write(file, file.relative_to(tmp_path / "p"))
    one, two = read(tmp_path / "p"), read(tmp_path / "p.zip")
    assert one == two and list(one[0]) == list(two[0]) == ["a/c", "b.png"]
    assert Pictures([tmp_path / "p"]).digest() == Pictures([tmp_path / "p.zip"]).digest()


def test_names_whose_bytes_are_no_text_are_kept_apart(tmp_path):
    for number, name in enumerate((b"caf\xe9.png", b"caf\xe8.png")):
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
            file.write(picture(number))
    assert list(read(tmp_path)[0]) == ["caf\\xe8.png", "caf\\xe9.png"]
    assert Pictures([tmp_path]).digest()


def test_two_sources_with_one_name_are_refused(tmp_path):
    for name in ("p", "q"):
        lay(tmp_path / name, {"00.png": "png", f"{name}.png": "png"})
    with pytest.raises(UserError, match="p and .*q both hold 00.png; rename it .* FOLDER/00.png"):
        Pictures([tmp_path / "p", tmp_path / "q"])
    assert set(Pictures([tmp_path])) == {"p/00.png", "p/p.png", "q/00.png", "q/q.png"}
    (tmp_path / "q/00.png").unlink()
    assert set(Pictures([tmp_path / "p", tmp_path / "q"])) == {"00.png", "p.png", "q.png"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_with_one_name_twice_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for shade in (1, 2):
            archive.writestr("a/00.png", picture(shade))
    with pytest.raises(UserError, match="x.zip holds two files called a/00.png; pack it again"):
        Pictures([tmp_path / "x.zip"])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_harmed_zip_is_counted_or_one_sentence(draw):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"{number}.png", picture(number))
    harmed = bytearray(packed.getvalue())
    for _ in range(draw.draw(st.integers(1, 3))):
        harmed[draw.draw(st.integers(0, len(harmed) - 1))] = draw.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as place:
        (pathlib.Path(place) / "x.zip").write_bytes(harmed)
        try:
            found, told = read(pathlib.Path(place) / "x.zip")
        except UserError:
            return
    assert len(found) + len(told) <= 3


def test_a_name_in_a_zip_that_a_nul_cuts_to_nothing_is_no_picture(tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.png", picture(0))
        archive.writestr("b.png", picture(1))
    (tmp_path / "x.zip").write_bytes(packed.getvalue().replace(b"a.png", b"\0.png"))
    found, told = read(tmp_path / "x.zip")
    assert list(found) == ["b.png"] and told == {"": NAMELESS}


def test_the_digest_is_of_names_and_contents_and_not_of_where_they_lie(tmp_path):
    things = {"a.png": "png", "b/c.png": "tiff", "note.txt": "text"}
    for place in ("one", "other/two"):
        lay(tmp_path / place, things)
    digest = lambda place: Pictures([tmp_path / place]).digest()
    before = digest("one")
    assert before == digest("other/two")
    (tmp_path / "one/a.png").write_bytes(picture(9))
    (tmp_path / "other/two/a.png").rename(tmp_path / "other/two/z.png")
    assert len({before, digest("one"), digest("other/two")}) == 3
