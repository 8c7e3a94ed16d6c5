"""Shards of a bucket are fetched whole, once, kept within bounds, and give the same records."""

import contextlib
import json
import os
import pathlib

import numpy as np
import pytest

from data_pipelines import fetched
from data_pipelines.errors import UserError
from data_pipelines.records import Records, finish, read_info, write_splits
from data_pipelines.streams import Streams
from data_pipelines.words.find import open_words
from tests import runs

SHARD = 4000  # bytes


@pytest.fixture(scope="module")
def here(easy, tmp_path_factory):
    """A data set of many small shards in a folder."""
    folder = tmp_path_factory.mktemp("here")
    splits = {name: Records(easy, name) for name in ("pairs", "images")}
    finish(folder, *write_splits(folder, splits, shard_bytes=SHARD), open_words(easy).files(),
           name="x", licence="", made_by="", made_of={}, parameters={})  # fmt: skip
    return folder


@pytest.fixture
def away(here, bucket, tmp_path):
    """The same in a bucket, and an empty shelf."""
    for file in here.iterdir():
        bucket.write(f"data/{file.name}", file.read_bytes())
    fetched.keep(tmp_path / "shelf", 1.0)
    yield "gs://bucket/data"
    fetched.let_go()


def shelved(tmp_path):
    found = {}
    for file in (tmp_path / "shelf").glob("*.array_record"):
        with contextlib.suppress(FileNotFoundError):  # it makes room
            found[file.name] = file.stat()
    return found


def test_records_of_a_bucket_are_those_of_the_folder_and_each_shard_comes_once(
    here, away, bucket, tmp_path
):
    one, other = Records(here, "images"), Records(away, "images")
    assert len(other) == len(one) and not shelved(tmp_path)  # nothing before it is asked for
    assert [other[i] for i in (5, 150, 5)] == [one[i] for i in (5, 150, 5)]
    assert len(shelved(tmp_path)) == 2
    assert list(other) == list(one)
    first = shelved(tmp_path)
    assert len(first) == len(one.shards)
    for name in [name for name in bucket.objects if name.endswith(".array_record")]:
        del bucket.objects[name]  # what is here needs no bucket
    assert list(Records(away, "images")) == list(one)
    assert {n: s.st_ino for n, s in shelved(tmp_path).items()} == {
        n: s.st_ino for n, s in first.items()
    }


def test_a_window_needs_no_more_room_than_its_shards_and_the_next(here, away, tmp_path):
    total = Records(here, "images").bytes
    shard = total // len(Records(here, "images").shards)  # ArrayRecord fills them up
    most = 8 * shard
    assert most < total / 2
    fetched.keep(tmp_path / "shelf", most / 1e9)
    options = dict(seed=0, image_size=16, text_length=24, vocabulary=open_words(here), window=3)
    near, far = (Streams(folder, {"images": 4}, **options) for folder in (here, away))
    for step in range(100):  # two epochs
        np.testing.assert_array_equal(
            near.batch(step)["images"]["image"], far.batch(step)["images"]["image"]
        )
        assert sum(stat.st_size for stat in shelved(tmp_path).values()) <= most + 4 * shard
    with pytest.raises(UserError, match="GB to train on, .* --config.data.window=16, or give more"):
        Streams(away, {"images": 4}, **options | {"window": 0})


def test_what_is_not_the_shard_that_is_told_of_is_refused_and_not_kept(
    here, away, bucket, tmp_path
):
    name = f"data/{read_info(here)['splits']['images']['shards'][0]['file']}"
    sound, _ = bucket.objects[name]
    flipped = bytes([sound[0] ^ 1]) + sound[1:]
    for harmed in (flipped, sound[:-7], b""):
        bucket.write(name, harmed)
        with pytest.raises(UserError, match="is not the shard that dataset.json tells of"):
            Records(away, "images")[0]
        assert not shelved(tmp_path) and not list((tmp_path / "shelf").glob(".*"))
    del bucket.objects[name]
    with pytest.raises(UserError, match="images-00000.array_record is not there; copy"):
        Records(away, "images")[0]
    bucket.write(name, sound)
    assert Records(away, "images")[0] == Records(here, "images")[0]


def test_a_shard_that_is_larger_than_all_the_room_is_one_sentence(away, tmp_path):
    fetched.keep(tmp_path / "shelf", 1e-6)
    with pytest.raises(UserError, match="and data.cache_gigabytes is 1e-06; give more"):
        Records(away, "images")[0]


def test_what_killed_processes_began_is_removed_and_what_lives_stays(away, tmp_path):
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    dead, alive = (
        shelf / ".a.array_record.999999999.new",
        shelf / f".b.array_record.{os.getpid()}.new",
    )
    for draft in (dead, alive):
        draft.write_bytes(b"x")
    Records(away, "images")[0]
    assert not dead.exists() and alive.exists()


def test_another_process_that_makes_room_only_costs_a_second_fetch(away, tmp_path, monkeypatch):
    shelf, utime = fetched.shelf(), os.utime
    told = read_info(away)["splits"]["images"]["shards"][0]
    gone = []

    def made_room(file, *more):
        if not gone:
            gone.append(pathlib.Path(file).unlink())
        return utime(file, *more)

    monkeypatch.setattr(os, "utime", made_room)
    assert shelf.file(f"{away}/{told['file']}", told).stat().st_size == told["bytes"]


@pytest.mark.long
def test_a_run_trains_and_scores_on_a_data_set_in_a_bucket(bucket, easy, tmp_path):
    for file in easy.iterdir():
        bucket.write(f"easy/{file.name}", file.read_bytes())
    arguments = [*runs.CLASSIFIER, "--config.train.steps=2", f"--workdir={tmp_path / 'run'}"]
    shelf = f"--config.data.cache={tmp_path / 'shelf'}"
    runs.run(*arguments, "--config.data.path=gs://bucket/easy", "--config.data.window=1", shelf)
    scores = json.loads((tmp_path / "run/eval.json").read_text())
    assert scores["2"]["test"]["examples"] == 4 and len(shelved(tmp_path)) >= 2
