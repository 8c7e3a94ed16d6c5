"""The first reading: a row an example, on disk, gone on with after a kill."""

import io

import numpy as np
from PIL import Image

from data_pipelines import scan
from data_pipelines.example import Asked, Record
from data_pipelines.images import encode_png, upright
from data_pipelines.report import Report
from data_pipelines.sources.base import Example, Skipped

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)


class Source:
    told, at, paired = Report(), 0.5, ()

    def __init__(self, *examples):
        self.examples, self.given = examples, 0

    def read(self):
        for example in self.examples:
            self.given += 1
            yield example


class Bar:
    def at(self, count, share):
        self.count = count


def many(count):
    return [Example(Record(f"k{i}", b"", (f"{i}",), "s")) for i in range(count)]


def test_a_row_tells_what_the_plan_needs(tmp_path):
    data = encode_png(PIXELS)
    whole = Record("a", data, ("one", "zwölf"), "s", (Asked("q", "a", "k"),))
    source = Source(
        Example(whole, "test"), Skipped("no image", "x"), Example(Record("b", b"bad", (), "s")),
        Example(Record("c", b"", ("text",), "s")),
    )  # fmt: skip
    rows = scan.scan(source, tmp_path / "rows", Bar())[:]
    assert rows["key"].tolist() == [scan.key_hash(key) for key in "abc"]
    assert rows["bad"].tolist() == [0, 1, 0] and rows["pixels"][2] == 0 != rows["pixels"][0]
    assert rows["image"].tolist() == [len(data), 3, 0] and rows["words"].tolist() == [12, 0, 4]
    assert rows["texts"].tolist() == [2, 0, 1] and rows["asked"].tolist() == [1, 0, 0]
    assert [scan.TOLD[told] for told in rows["told"]] == ["test", "", ""]


def test_rows_that_are_there_are_kept_and_half_a_row_is_not(tmp_path):
    whole = scan.scan(Source(*many(300)), tmp_path / "whole", Bar())[:]
    for length in (0, 1, scan.ROW.itemsize * 130 + 3):
        file = tmp_path / str(length)
        file.write_bytes(whole.tobytes()[:length])
        assert np.array_equal(scan.scan(Source(*many(300)), file, Bar())[:], whole)


def test_equal_pixels_have_one_hash_in_whatever_file_they_lie():
    bmp = io.BytesIO()
    Image.fromarray(PIXELS).save(bmp, "BMP")
    first = scan.pixels_hash(PIXELS)
    assert first == scan.pixels_hash(upright(bmp.getvalue())) < 2**64
    others = {scan.pixels_hash(PIXELS.reshape(5, 6, 3)), scan.pixels_hash(PIXELS[::-1])}
    for at in range(PIXELS.size):
        other = PIXELS.copy()
        other.flat[at] ^= 1
        others.add(scan.pixels_hash(other))
    assert len(others) == PIXELS.size + 2 and first not in others


def test_work_on_all_cores_comes_in_order_and_a_fault_ends_it():
    assert list(scan.in_order(lambda x: x * 2, range(100))) == list(range(0, 200, 2))
    given = iter(range(10**6))
    found = scan.in_order(lambda x: 1 // (x != 5), given)
    try:
        list(found)
    except ZeroDivisionError:
        assert next(given) < 100
    else:
        raise AssertionError("a fault is not told")


def test_a_task_is_no_larger_than_memory_allows():
    large = [Example(Record("k", bytes(scan.TASK_BYTES), (), "s"))] * 3
    assert [len(task) for task in scan.tasks([*many(130), *large])] == [64, 64, 3, 1, 1]
