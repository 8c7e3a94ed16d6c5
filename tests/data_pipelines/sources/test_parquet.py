"""Parquet files with pictures in them, as pyarrow writes them in Hugging Face's layout."""

import datetime

import pytest

from data_pipelines.sources import parquet
from tests.data_pipelines.sources.made import png, records, run, told

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write(file, **columns):
    """A file of {name: values} in small row groups; `image` is what `datasets.Image` stores."""
    types = {"image": IMAGE}
    arrays = {n: pa.array(values, types.get(n)) for n, values in columns.items()}
    pq.write_table(pa.table(arrays), file, row_group_size=3)
    return file


def pictures(*shades):
    return [None if s is None else {"bytes": png(s), "path": f"{s}.png"} for s in shades]


def test_each_row_is_a_pair_whatever_the_columns_are_called(tmp_path):
    captions = [f"a picture {i}" for i in range(7)]
    write(tmp_path / "a.parquet", image=pictures(*range(7)), caption=captions)
    raw = [each["bytes"] for each in pictures(*range(7))]
    write(tmp_path / "b.parquet", jpg=raw, TEXT=[[text] for text in captions])
    write(tmp_path / "c.parquet", blob=raw, words=captions, caption=["x"] * 7)
    named = ["--image_column=blob", "--text_column=words"]
    a, b = (records(tmp_path / f"{n}.out", "--from=parquet", f"--files={tmp_path}/{n}.parquet")
            for n in "ab")  # fmt: skip
    c = records(tmp_path / "c.out", "--from=parquet", f"--files={tmp_path}/c.parquet", *named)
    for found in (a, b, c):
        assert [(r.image, r.texts) for r in found["pairs"]] == [
            (png(i), (f"a picture {i}",)) for i in range(7)
        ]
    assert [r.key for r in a["pairs"]] == [f"a.parquet:{i}" for i in range(7)]


def test_a_split_is_told_by_a_column_or_by_names_of_files(tmp_path):
    write(tmp_path / "a.parquet", image=pictures(1, 2, 3, 4, 5), caption=list("abcde"),
          split=["train", "val", "TEST", None, "holdout"])  # fmt: skip
    found = records(tmp_path / "a", "--from=parquet", f"--files={tmp_path}/a.parquet")
    keys = {split: [r.texts[0] for r in rows] for split, rows in found.items()}
    assert keys == {"pairs": ["a", "d"], "validation": ["b"], "test": ["c"]}
    assert told(tmp_path / "a") == {"a split that is none": 1}
    for name in ("train", "validation", "test"):
        write(tmp_path / f"{name}-0-of-1.parquet", image=pictures(len(name)), caption=[name])
    found = records(tmp_path / "b", "--from=parquet", f"--files={tmp_path}/*-0-of-1.parquet")
    assert {split: rows[0].texts[0] for split, rows in found.items()} == {
        "pairs": "train", "validation": "validation", "test": "test"
    }  # fmt: skip


def test_what_cannot_be_used_is_counted_by_reason(tmp_path):
    shown = [*pictures(1, None, 3, 4), {"bytes": None, "path": "x.png"},
             {"bytes": b"no picture", "path": None}, {"bytes": b"", "path": None}]  # fmt: skip
    write(tmp_path / "a.parquet", image=shown, caption=["a", "b", None, " ", "e", "f", "g"])
    write(tmp_path / "b.parquet", image=pictures(7, 8), caption=[1, 2])
    (tmp_path / "c.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-9])
    (tmp_path / "d.parquet").write_bytes(b"")
    found = records(tmp_path / "out", "--from=parquet", f"--files={tmp_path}/*.parquet")
    assert {split: len(rows) for split, rows in found.items()} == {"pairs": 1, "images": 4}
    assert told(tmp_path / "out") == {
        "no picture's bytes in the cell": 2, "no image": 1, "broken image": 1, "empty caption": 1,
        "no text where a text is meant": 3, parquet.CUT: 2,
    }  # fmt: skip


@pytest.mark.parametrize("harm", ["cut", "bits"])
def test_a_harmed_file_gives_what_can_be_read_and_is_told(harm, tmp_path):
    write(tmp_path / "a.parquet", image=pictures(*range(30)), caption=[f"{i}" for i in range(30)])
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    if harm == "bits":
        at = data.index(png(20)[:50])
        data[at - 200 : at] = b"\xff" * 200
    (tmp_path / "b.parquet").write_bytes(data if harm == "bits" else data[: len(data) // 2])
    flags = ["--from=parquet", f"--files={tmp_path}/a.parquet,{tmp_path}/b.parquet"]
    found = records(tmp_path / "out", *flags)
    faults = sum(told(tmp_path / "out").values())
    whole = {(r.image, r.texts) for r in found["pairs"]}
    assert whole >= {(png(i), (f"{i}",)) for i in range(30)} and faults >= 1


def test_lone_pictures_and_lone_texts(tmp_path):
    write(tmp_path / "p.parquet", image=pictures(1, 2))
    write(tmp_path / "t.parquet", text=["one", "two"])
    write(tmp_path / "u.parquet", text=["three"], url=["x"])
    flags = ["--from=parquet", f"--files={tmp_path}/u.parquet", "--text_column=text"]
    assert records(tmp_path / "u.out", *flags)["texts"][0].texts == ("three",)
    (tmp_path / "u.parquet").unlink()
    found = records(tmp_path / "out", "--from=parquet", f"--files={tmp_path}/*.parquet")
    assert [r.image for r in found["images"]] == [png(1), png(2)]
    assert [r.texts for r in found["texts"]] == [("one",), ("two",)]


def test_lone_texts_of_a_held_out_split_are_left_out_and_told(tmp_path, capsys):
    for name in ("train", "test"):
        write(tmp_path / f"{name}-0-of-1.parquet", text=[f"{name} {i}" for i in range(3)])
    found = records(tmp_path / "out", "--from=parquet", f"--files={tmp_path}/*.parquet")
    assert [r.texts for r in found.pop("texts")] == [("train 0",), ("train 1",), ("train 2",)]
    assert not found and told(tmp_path / "out") == {"held out without a picture": 3}
    write(tmp_path / "a.parquet", text=["a", "b"], split=["test", "val"])
    assert run(tmp_path / "none", "--from=parquet", f"--files={tmp_path}/a.parquet") == 2
    assert "a.parquet holds out all that it has; leave some" in capsys.readouterr().err


def test_files_that_hold_no_pictures_are_one_sentence(tmp_path, capsys):
    write(tmp_path / "a.parquet", URL=["http://x"], TEXT=["a text"])
    write(tmp_path / "b.parquet", when=[datetime.date(2020, 1, 1)])
    for name in "ab":
        assert run(tmp_path / "out", "--from=parquet", f"--files={tmp_path}/{name}.parquet") == 2
    more = [f"--files={tmp_path}/a.parquet", "--text_column=words"]
    assert run(tmp_path / "out", "--from=parquet", *more) == 2
    lines = capsys.readouterr().err.splitlines()
    assert "img2dataset" in lines[0] and "--image_column and --text_column" in lines[1]
    assert "no column words; --text_column is one of URL, TEXT" in lines[2]
