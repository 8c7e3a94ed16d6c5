"""Tars as img2dataset writes them, whole, odd and harmed."""

import io
import json
import random
import tarfile

import pytest

from data_pipelines import importing
from data_pipelines.sources import tars, webdataset
from tests.data_pipelines.sources.made import png, records, run, told


def pack(file, members, mode="w"):
    """A tar of (name, bytes)."""
    with tarfile.open(file, mode) as archive:
        for name, data in members:
            about = tarfile.TarInfo(name)
            about.size = len(data)
            archive.addfile(about, io.BytesIO(data))
    return file


def example(number, shade=None, caption=None, kind="jpg"):
    """The three files that img2dataset writes of one."""
    caption = f"a picture {number}" if caption is None else caption
    about = dict(caption=caption, url="http://x/y", key=f"{number:09d}", status="success",
                 width=8, height=6, exif="{}")  # fmt: skip
    return [
        (f"{number:09d}.{kind}", png(number if shade is None else shade)),
        (f"{number:09d}.json", json.dumps(about).encode()),
        (f"{number:09d}.txt", caption.encode()),
    ]


def spread(*examples):
    return [member for each in examples for member in each]


@pytest.fixture
def shards(tmp_path):
    """Three tars of four."""
    for number in range(3):
        pack(tmp_path / f"{number:05d}.tar", spread(*(example(4 * number + i) for i in range(4))))
    (tmp_path / "00000_stats.json").write_text("{}")
    return tmp_path


def test_every_example_of_every_tar_is_a_pair(shards):
    found = records(shards / "out", "--from=webdataset", f"--shards={shards}/{{00000..00002}}.tar")
    assert [r.key for r in found["pairs"]] == [f"{i // 4:05d}/{i:09d}" for i in range(12)]
    assert [r.texts for r in found["pairs"]] == [(f"a picture {i}",) for i in range(12)]
    assert [r.image for r in found["pairs"]] == [png(i) for i in range(12)]
    globbed = records(shards / "globbed", "--from=webdataset", f"--shards={shards}/*.tar")
    assert globbed == found and told(shards / "out") == {}


def test_what_tells_nothing_and_what_is_missing(tmp_path):
    odd = spread(
        example(0), example(1)[:1], example(2)[1:], example(3, caption=" "), example(4)[:2],
        [("8.jpg", b""), ("8.txt", b"a text"), ("5.jpg", b"no picture")],
        [("5.txt", b"a text"), ("6.txt", b"\xff"), ("6.png", png(6))],
        [("dir/7.cls", b"1"), ("dir/7.JPG", png(7)), ("7.json", b"{cut"), ("7.webp", png(70))],
    )  # fmt: skip
    pack(tmp_path / "00000.tar", odd)
    found = records(tmp_path / "out", "--from=webdataset", f"--shards={tmp_path}/00000.tar")
    keys = {split: [r.key.removeprefix("00000/") for r in found[split]] for split in found}
    assert keys == {"pairs": ["000000000", "000000004"],
                    "images": ["000000001", "000000003", "6", "dir/7", "7"]}  # fmt: skip
    assert told(tmp_path / "out") == {
        "image missing": 1, "empty caption": 1, "no image": 1, "broken image": 1,
        "bytes that are no UTF-8": 1, "no JSON object": 1,
    }  # fmt: skip


def test_a_caption_may_lie_in_any_field_of_the_json(tmp_path):
    fields = [("1.jpg", png(1)), ("1.json", b'{"alt": ["one", "two"], "caption": "x"}')]
    pack(tmp_path / "a.tar", [*fields, ("1.txt", b"y")])
    flags = ["--from=webdataset", f"--shards={tmp_path}/a.tar"]
    assert records(tmp_path / "txt", *flags)["pairs"][0].texts == ("y",)
    found = records(tmp_path / "alt", *flags, "--text_column=alt")
    assert found["pairs"][0].texts == ("one", "two")


@pytest.mark.parametrize(
    "fields, sentence",
    [
        ({"caption": "x", "url": "y"}, "has the field alt; the JSON of the first has caption, url"),
        ({"alt": None, "url": "y"}, "has a text in the field alt; the JSON of the first has alt, "),
        (None, "has a JSON with a field alt; take out --text_column."),
    ],
)
def test_a_field_that_says_nothing_is_told_after_the_first_reading(
    fields, sentence, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(importing, "_Writing", None)
    written = [] if fields is None else [("1.json", json.dumps(fields).encode())]
    pack(tmp_path / "a.tar", [("0.png", png(0)), ("1.png", png(1)), *written, ("1.txt", b"z")])
    flags = ["--from=webdataset", f"--shards={tmp_path}/a.tar", "--text_column=alt"]
    assert run(tmp_path / "out", *flags) == 2
    error = capsys.readouterr().err
    assert f"no example {sentence}" in error and len(error.splitlines()) == 1
    (tmp_path / "a.tar").write_bytes(b"no tar")
    assert run(tmp_path / "out", *flags) == 2
    assert "a.tar holds nothing that can be used (" in capsys.readouterr().err


def test_tars_named_by_split_tell_it(tmp_path):
    for name in ("train", "val"):
        pack(tmp_path / f"{name}-000.tar", example(len(name)))
    found = records(tmp_path / "out", "--from=webdataset", f"--shards={tmp_path}/*.tar")
    assert {split: len(rows) for split, rows in found.items()} == {"pairs": 1, "validation": 1}


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_of_a_cut_tar_what_stands_whole_is_used_and_the_cut_is_told(mode, tmp_path):
    file = pack(tmp_path / "a.tar", spread(*(example(i) for i in range(20))), mode)
    whole, draw = file.read_bytes(), random.Random(0)
    for at in [0, *draw.sample(range(1, len(whole)), 25)]:
        file.write_bytes(whole[:at])
        found = [each for _, each in webdataset._parts(file, at)]
        faults = [each for each in found if isinstance(each, webdataset.Skipped)]
        shown = [each for each in found if each not in faults and each[1] == "jpg"]
        assert [data for _, _, data in shown] == [png(i) for i in range(len(shown))]
        assert faults or len(shown) == 20, at
        assert mode == "w:gz" or len(shown) >= at // 4096 - 1 or len(shown) == 20


def test_harm_inside_takes_one_example_and_is_told(tmp_path):
    file = pack(tmp_path / "a.tar", spread(*(example(i) for i in range(9))))
    whole = bytearray(file.read_bytes())
    with tarfile.open(file) as archive:
        header = archive.getmember("000000004.json").offset
    whole[header : header + 400] = b"\xee" * 400
    file.write_bytes(whole)
    found = records(tmp_path / "out", "--from=webdataset", f"--shards={file}")
    assert len(found["pairs"]) == 9, "its caption stands in the .txt too"
    assert told(tmp_path / "out") == {tars.GAP: 1}


def test_sizes_that_a_header_claims_are_not_believed(tmp_path):
    file = tmp_path / "a.tar"
    claims = tarfile.TarInfo("1.jpg")
    claims.size = 2**33
    with open(file, "wb") as out:
        out.write(claims.tobuf() + b"x" * 512)
    ((_, found), *rest) = webdataset._parts(file, 1024)
    assert found[2].reason == "image too large" and rest
    claims.size = 10_000
    file.write_bytes(claims.tobuf() + b"x" * 512)
    assert [each.reason for _, each in webdataset._parts(file, 1024)] == [tars.CUT]


def test_links_devices_and_ways_out_are_no_files(tmp_path):
    file = tmp_path / "a.tar"
    with tarfile.open(file, "w") as archive:
        for number, kind in enumerate((tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)):
            about = tarfile.TarInfo(f"{number}.jpg")
            about.type, about.linkname = kind, "/etc/passwd"
            archive.addfile(about)
        for name, data in [("../../up.jpg", png(1)), ("../../up.txt", b"a text")]:
            about = tarfile.TarInfo(name)
            about.size = len(data)
            archive.addfile(about, io.BytesIO(data))
    found = records(tmp_path / "deep/out", "--from=webdataset", f"--shards={file}")
    assert [r.key for r in found["pairs"]] == ["a/../../up"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tar", "deep"]


def test_what_cannot_be_opened_is_one_sentence(tmp_path, capsys):
    out = tmp_path / "out"
    assert run(out, "--from=webdataset") == 2
    assert run(out, "--from=webdataset", f"--shards={tmp_path}/{{0..3}}.tar") == 2
    (tmp_path / "0.tar").write_bytes(b"no tar at all" * 99)
    assert run(out, "--from=webdataset", f"--shards={tmp_path}/0.tar") == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3 and "needs --shards=" in lines[0]
    assert "0.tar is no file that is there; check --shards" in lines[1]
    assert "holds nothing that can be used" in lines[2]
