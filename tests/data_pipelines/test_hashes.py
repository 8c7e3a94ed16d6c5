"""Numbers of keys and pictures beside the shards of a split."""

import numpy as np
import pytest

from data_pipelines import hashes, records
from data_pipelines.errors import UserError
from data_pipelines.example import Record, encode
from data_pipelines.scan import ROW, key_hash
from data_pipelines.shards import Writer

ABOUT = dict(name="n", licence="l", made_by="m", parameters={})


def write(folder):
    folder.mkdir()
    rows = np.zeros(3, ROW)
    rows["key"], rows["pixels"] = [key_hash(key) for key in "abc"], [5, 0, 7]
    writer = Writer(folder, "texts")
    for key in "abc":
        writer.add(encode(Record(key, b"", ("x",), "s")))
    told = writer.finish() | {"hashes": hashes.write(folder, "texts", 3, [rows])}
    records.finish(folder, {"texts": told}, {}, **ABOUT)
    return rows


def test_what_is_written_is_read_and_damage_is_told(tmp_path):
    rows = write(tmp_path / "d")
    found = hashes.read(tmp_path / "d", "texts")
    assert all(np.array_equal(found[name], rows[name]) for name in hashes.HASHES.names)
    (tmp_path / "d/texts.hashes.npy").write_bytes(b"x")
    with pytest.raises(UserError, match="texts.hashes.npy is missing or damaged"):
        hashes.read(tmp_path / "d", "texts")


def test_pictures_known_by_an_older_hash_are_not_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(hashes, "KIND", "crc")
    write(tmp_path / "d")
    monkeypatch.undo()
    with pytest.raises(UserError, match="d knows its pictures by an older hash; build"):
        hashes.read(tmp_path / "d", "texts")


def test_of_a_drawn_set_the_keys_are_read_without_their_number(tmp_path):
    rows = [Record(f"a red circle#{i}", b"", ("x",), "scenes") for i in range(2)]
    records.write(tmp_path / "d", {"texts": rows}, **ABOUT)
    found = hashes.read(tmp_path / "d", "texts")
    assert found["key"].tolist() == [key_hash("a red circle")] * 2 and not found["pixels"].any()
