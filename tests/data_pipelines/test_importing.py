"""A source is read twice and never held; who is killed goes on to the same bytes."""

import json
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest

from data_pipelines import build, importing
from data_pipelines.images import encode_png
from data_pipelines.records import Records, read_info
from data_pipelines.words.train import train_pieces

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """600 pictures of noise, of which one is broken; captions of most, questions about some."""
    folder = tmp_path_factory.mktemp("source")
    (folder / "p").mkdir()
    rng = np.random.default_rng(0)
    for i in range(600):
        pixels = rng.integers(0, 256, (60, 60, 3), np.uint8)
        (folder / f"p/{i}.png").write_bytes(encode_png(pixels))
    (folder / "p/7.png").write_bytes(b"no picture")
    captions = [f"{i}.png\ta picture called {i}" for i in range(550)]
    (folder / "c.tsv").write_text("\n".join(["file\tcaption", *captions, "x.png\tnone"]))
    asked = [f"{i}.png\twhich?\t{i}" for i in range(0, 600, 3)]
    (folder / "q.tsv").write_text("\n".join(["file\tquestion\tanswer", *asked]))
    (folder / "w.model").write_bytes(train_pieces([*captions] * 2, 60))
    return folder


def flags(place, out, *more):
    return [
        "--from=folder", f"--images={place}/p", f"--captions={place}/c.tsv", f"--out={out}",
        f"--questions={place}/q.tsv", f"--vocabulary={place}/w.model", "--pairs=300",
        "--shard_size=1", *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def built(place):
    """The data set of a builder that nobody killed."""
    assert build.main(flags(place, place / "whole")) == 0
    return place / "whole"


def contents(folder):
    """Bytes of all files, but for where the data set lies, which its command tells."""
    found = {file.name: file.read_bytes() for file in folder.iterdir()}
    info = read_info(folder)
    return found | {"dataset.json": json.dumps(info)}


def kill(place, out, moment, tries=5):
    """kill -9 a builder once moment(draft) is true; once more where it had ended by then."""
    command = [sys.executable, "-m", "data_pipelines.build", *flags(place, out)]
    builder = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    draft = out.with_name(f".{out.name}.draft")
    while builder.poll() is None and not moment(draft):
        time.sleep(0.001)
    builder.send_signal(signal.SIGKILL)
    if builder.wait() != -signal.SIGKILL:
        assert tries, "it is never killed at work"
        shutil.rmtree(out)
        kill(place, out, moment, tries - 1)


def test_a_builder_that_is_killed_anywhere_goes_on_to_the_same_bytes(place, built, tmp_path):
    out, draw = tmp_path / "out", random.Random(0)
    rows = draw.randrange(1, 500) * importing.scan.ROW.itemsize
    read = lambda draft: (draft / ".rows").exists() and (draft / ".rows").stat().st_size > rows
    wrote = lambda draft: len(list(draft.glob("*.array_record"))) >= draw.randrange(1, 3)
    kill(place, out, read)
    kept = (tmp_path / ".out.draft/.rows").stat().st_size
    assert kept and not out.exists()
    kill(place, out, wrote)
    assert (tmp_path / ".out.draft/.rows").stat().st_size == 600 * importing.scan.ROW.itemsize
    begun = {f: f.stat().st_mtime_ns for f in (tmp_path / ".out.draft").glob("*.array_record")}
    assert begun and build.main(flags(place, out)) == 0
    assert contents(out) == contents(built) and list(tmp_path.iterdir()) == [out]
    for file, written in begun.items():
        assert (out / file.name).stat().st_mtime_ns == written, "a whole shard is not made again"


def test_a_full_disk_is_one_sentence_and_what_is_done_is_kept(place, built, tmp_path, capfd):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:  # no file may be larger, as if there were no more room
        resource.setrlimit(resource.RLIMIT_FSIZE, (800_000, before[1]))
        assert build.main(flags(place, tmp_path / "out")) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    error = capfd.readouterr().err
    assert "File too large" in error and "which goes on where it was" in error
    assert len(error.splitlines()) == 1 and (tmp_path / ".out.draft/.rows").stat().st_size
    assert build.main(flags(place, tmp_path / "out")) == 0
    assert contents(tmp_path / "out") == contents(built)


def test_each_example_lies_where_the_plan_says_and_is_left_as_it_was(place, built):
    splits = read_info(built)["splits"]
    found = {split: list(Records(built, split)) for split in splits}
    assert len(splits["pairs"]["shards"]) > 1 and len(found["pairs"]) == 300
    for split in ("pairs", "images", "validation"):
        for record in found[split]:
            assert record.image == (place / "p" / record.key).read_bytes()
    for split in ("pairs", "texts", "test"):
        for record in found[split]:
            assert record.texts == (f"a picture called {record.key[:-4]}",)
    assert all(r.image == b"" for r in found["texts"])
    keys = {split: {r.key for r in found[split]} for split in found}
    assert len(set().union(*keys.values())) == 599, "one is broken"
    assert not keys["images"] & keys["texts"] and read_info(built)["lone_sets_are_apart"]
    report = json.loads((built / "report.json").read_text())
    assert report["no image"] == {"count": 1, "first": ["7.png"]}
    assert report["image missing"]["count"] == 1
    assert report["questions about what is no pair any more"]["count"] > 30


def test_a_draft_of_something_else_is_not_gone_on_with(place, tmp_path):
    (tmp_path / ".out.draft").mkdir()
    (tmp_path / ".out.draft/.of").write_text("another")
    (tmp_path / ".out.draft/pairs-00000.array_record").write_text("of another")
    more = [flag for flag in flags(place, tmp_path / "out") if "--pairs" not in flag]
    assert build.main(more) == 0
    assert len(list(Records(tmp_path / "out", "pairs"))) > 400


def test_a_source_that_changes_between_its_readings_is_refused(place, tmp_path, monkeypatch):
    scan = importing.scan.scan

    def and_add(source, *more):
        found = scan(source, *more)
        source.pictures._files["another.png"] = lambda: b"x"
        return found

    monkeypatch.setattr(importing.scan, "scan", and_add)
    assert build.main(flags(place, tmp_path / "out")) == 2
    assert not list(tmp_path.iterdir())


def test_memory_does_not_grow_with_the_pictures(place):
    """Of what Python holds: pictures come and go."""

    def peak(count):
        from data_pipelines.example import Record
        from data_pipelines.sources.base import Example

        class Source:
            at = 0.0

            def read(self):
                for i in range(count):
                    yield Example(Record(f"{i}", bytes(200_000), ("a text",), "s"))

        tracemalloc.start()
        for task in importing.in_order(len, importing.tasks(Source().read())):
            assert task
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(800) < 1.2 * peak(200)
