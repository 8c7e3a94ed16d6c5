"""Machines do their parts in any order, and some twice: the data set is that of the builder."""

import collections
import json
import random

import numpy as np
import pytest

from data_pipelines import beam, build, on_workers
from data_pipelines.images import encode_png
from data_pipelines.records import digest, read_info
from tests.data_pipelines.sources.test_webdataset import pack


def picture(number):
    """Of noise, so that shards of a megabyte hold few; one is broken, some are twice there."""
    if number == 7:
        return b"no picture"
    pixels = np.random.default_rng(number % 97).integers(0, 256, (150, 150, 3), np.uint8)
    return encode_png(pixels)


@pytest.fixture(scope="module")
def tars(tmp_path_factory):
    """Five of them, of which one is empty and one is cut."""
    folder = tmp_path_factory.mktemp("tars")
    for shard in range(5):
        members = []
        for i in range(shard * 30, shard * 30 + 30 * (shard != 2)):
            members.append((f"{i:05d}.png", picture(i)))
            said = f"a picture called {i}" * (i % 11 > 0)
            members += [(f"{i:05d}.txt", said.encode())] * (i % 5 > 0)
        pack(folder / f"{shard:05d}.tar", members)
    last = folder / "00004.tar"
    last.write_bytes(last.read_bytes()[:-90_000])
    return folder


def contents(folder):
    """All that lies there, but for which command made it."""
    info = read_info(folder)
    apart = {name: info.pop(name) for name in ("made_by", "parameters")}
    assert "data_pipelines." in apart["made_by"]
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    return files | {"dataset.json": json.dumps(info)}


def any_order(work, steps, tasks):
    """In the place of Beam: every task twice, in a random order."""
    draw, tasks = random.Random(0), [*tasks, *tasks]
    draw.shuffle(tasks)
    if steps is beam._looking:
        for task in tasks:
            on_workers.look(work, *task)
        return
    shards, splits = collections.defaultdict(dict), collections.defaultdict(list)
    for task in tasks:
        for key, (number, data) in on_workers.parts_of(work, task):
            assert shards[key].setdefault(number, data) == data
    for key, found in draw.sample(sorted(shards.items()), len(shards)):
        records = draw.sample(sorted(found.items()), len(found))
        for _ in range(2):
            split, told = on_workers.write_shard(work, key, iter(records))
        splits[split].append(told)
    for split, told in splits.items():
        on_workers.tell_split(work, split, iter(told))


@pytest.fixture
def plainly(monkeypatch):
    monkeypatch.setattr(beam, "_library", lambda: None)
    monkeypatch.setattr(beam, "_run", any_order)


def both(folder, *flags):
    """The folders that the builder and the machines make of the same flags."""
    for command, name in ((build, "here"), (beam, "there")):
        assert command.main([*flags, f"--out={folder / name}"]) == 0
    return folder / "here", folder / "there"


@pytest.mark.parametrize(
    "flags",
    [
        ("--pairs=40", "--shard_size=1"),
        ("--drop_duplicates", "--resize=32", "--test=0.2"),
        ("--unpair", "--validation=0.3", "--shard_size=1"),
    ],
)
def test_the_folder_is_that_of_the_builder(flags, tars, tmp_path, plainly):
    here, there = both(tmp_path, "--from=webdataset", f"--shards={tars}/*.tar", *flags)
    assert contents(here) == contents(there)
    assert digest(read_info(here)) == digest(read_info(there))
    if "--pairs=40" in flags:
        assert len(read_info(there)["splits"]["images"]["shards"]) > 1
        assert json.loads((there / "report.json").read_text())["no image"]["count"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "there"]


def test_each_command_says_of_what_the_other_made_that_it_is_there(
    tars, tmp_path, plainly, capsys
):
    flags = ["--from=webdataset", f"--shards={tars}/0000[01].tar", "--validation=0"]
    here, there = both(tmp_path, *flags)
    capsys.readouterr()
    assert build.main([*flags, f"--out={there}"]) == beam.main([*flags, f"--out={here}"]) == 0
    assert capsys.readouterr().out == f"{there} is there already\n{here} is there already\n"
    assert beam.main([*flags[:2], f"--out={there}"]) == 2


def test_who_was_stopped_looks_at_no_file_again(tars, tmp_path, plainly, monkeypatch):
    flags = ["--from=webdataset", f"--shards={tars}/*.tar", "--pairs=9"]

    def stopped(work, steps, tasks):
        if steps is not beam._looking:
            raise KeyboardInterrupt
        any_order(work, steps, tasks)

    monkeypatch.setattr(beam, "_run", stopped)
    assert beam.main([*flags, f"--out={tmp_path / 'out'}"]) == 130
    monkeypatch.setattr(beam, "_run", any_order)
    monkeypatch.setattr(on_workers.scan, "row", lambda example: pytest.fail("it is read again"))
    assert beam.main([*flags, f"--out={tmp_path / 'out'}"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_field_that_no_file_has_is_told_in_the_words_of_the_builder(tmp_path, plainly, capsys):
    for number in range(2):
        pack(tmp_path / f"{number}.tar", [("0.png", picture(number)), ("0.json", b'{"url": "x"}')])
    flags = ["--from=webdataset", f"--shards={tmp_path}/*.tar", "--text_column=captoin"]
    for command in (build, beam):
        assert command.main([*flags, f"--out={tmp_path / 'out'}"]) == 2
    here, there = capsys.readouterr().err.splitlines()
    assert here == there and "has the field captoin; the JSON of the first has url; mend" in here
