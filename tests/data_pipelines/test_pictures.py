"""Pictures of a folder, a zip and a data set: the same ones, in order, broken ones named."""

import os
import zipfile

import numpy as np
import pytest

from data_pipelines import images, pictures
from data_pipelines.errors import UserError
from data_pipelines.folder import Report
from data_pipelines.images import encode_png
from data_pipelines.records import Record, write

RNG = np.random.default_rng(0)
PIXELS = [RNG.integers(0, 256, (5 + i, 4, 3)).astype(np.uint8) for i in range(3)]


def fill(folder, name="pictures"):
    """A folder of PIXELS and, between them, a file that is no picture."""
    folder = folder / name
    (folder / "inner").mkdir(parents=True)
    for place, pixels in zip(("a.png", "inner/b.png", "z.png"), PIXELS):
        (folder / place).write_bytes(encode_png(pixels))
    (folder / "inner" / "c.png").write_bytes(b"no picture")
    return folder


@pytest.fixture
def sources(tmp_path):
    """The same pictures in three containers."""
    folder = fill(tmp_path)
    files = sorted(f for f in folder.rglob("*") if f.is_file())
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for file in files:
            archive.write(file, file.relative_to(folder))
    records = [Record(f.name, f.read_bytes(), (), "test") for f in files]
    about = dict(name="x", licence="x", made_by="x", parameters={})
    write(tmp_path / "set", {"test": records}, **about)
    return [str(folder), str(tmp_path / "x.zip"), f"{tmp_path / 'set'}:test"]


def test_folder_zip_and_split_hold_the_same_pictures_at_their_own_sizes(sources):
    for source in sources:
        report = Report()
        found = list(pictures.find(source).read(report))
        assert [x.shape for x in found] == [x.shape for x in PIXELS]
        assert all(np.array_equal(a, b) for a, b in zip(found, PIXELS))
        told = report.summary()["no image"]
        assert told["count"] == 1 and told["first"][0] in ("inner/c.png", "record 2 of test")


def unfolding(place, harm):
    """A zip of two pictures, of which `harm` (archive's path, second's entry) breaks one."""
    file = place / "harmed.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", encode_png(PIXELS[0]))
        archive.writestr("b.bmp", RNG.bytes(20_000))
        entry = archive.getinfo("b.bmp")
    harm(file, entry)
    return file


def no_deflate(file, entry):
    data = bytearray(file.read_bytes())
    data[entry.header_offset + 30 + len(entry.filename)] = 0b111  # a block of no known type
    file.write_bytes(data)


def test_a_damaged_entry_of_a_zip_is_skipped(tmp_path):
    source, report = pictures.find(str(unfolding(tmp_path, no_deflate))), Report()
    assert len(list(source.read(report))) == 1
    (told,) = report.summary()["cannot be read"]["first"]
    assert told.startswith("b.bmp (")
    assert source.digest()


def test_a_zip_that_is_cut_while_it_is_open_is_skipped(tmp_path):
    file = unfolding(tmp_path, lambda *_: None)
    source, report = pictures.find(str(file)), Report()
    os.truncate(file, file.stat().st_size - 15_000)
    assert len(list(source.read(report))) == 1 and report.summary()["cannot be read"]["count"] == 1


def test_an_entry_that_unfolds_to_too_much_is_skipped(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MOST_BYTES", 19_999)
    source, report = pictures.find(str(unfolding(tmp_path, lambda *_: None))), Report()
    assert len(list(source.read(report))) == 1
    told = report.summary()["image too large"]["first"]
    assert told == ["b.bmp (20,000 bytes, and at most 19,999 are read)"]


def test_nothing_is_decoded_before_it_is_asked_for(sources, monkeypatch):
    seen = []
    decode = pictures.images.decode
    monkeypatch.setattr(pictures.images, "decode", lambda data: seen.append(1) or decode(data))
    waiting = pictures.find(sources[0]).read(Report())
    assert not seen
    next(waiting)
    assert len(seen) == 1


def test_the_digest_is_of_names_and_bytes(tmp_path):
    one, two = (fill(tmp_path, name) for name in ("one", "two"))
    digest = lambda folder: pictures.find(str(folder)).digest()
    assert digest(one) == digest(two)
    data = bytearray((two / "a.png").read_bytes())
    data[-20] ^= 1
    (two / "a.png").write_bytes(data)
    changed = digest(two)
    assert changed != digest(one)
    (two / "a.png").rename(two / "b.png")
    assert digest(two) not in (changed, digest(one))


def test_what_holds_no_pictures_is_one_sentence(sources, tmp_path):
    (tmp_path / "empty").mkdir()
    data_set = sources[2].removesuffix(":test")
    for source, sentence in (
        (tmp_path / "empty", "holds no picture file"),
        (tmp_path / "nowhere", "neither a folder of pictures nor a zip"),
        (data_set, f"say which split, as in {data_set}:test"),
        (f"{data_set}:train", "has no split train; it has test"),
    ):
        with pytest.raises(UserError, match=sentence):
            pictures.find(str(source))
