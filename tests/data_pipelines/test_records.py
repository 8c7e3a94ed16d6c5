"""Shards on disk: what is written is read, damage is named, and contents say which set it is."""

import json
import pathlib
import random
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipelines import records
from data_pipelines.errors import UserError
from data_pipelines.records import Record, Records

SAMPLE = Record("a/1", b"\x89PNG", ("ein Haus", "häuschen ☃"), "here")
ABOUT = dict(name="n", licence="l", made_by="m", parameters={})


def write(folder, count=7, shards=3):
    examples = [Record(f"k{i}", b"x" * i, (f"text {i}",), "s") for i in range(count)]
    records.write(folder, {"pairs": examples, "empty": []}, shards=shards, **ABOUT)
    return examples


def test_records_come_back_in_order_over_any_number_of_shards(tmp_path):
    for shards in (1, 3):
        folder = tmp_path / str(shards)
        written = write(folder, shards=shards)
        found = Records(folder, "pairs")
        assert [found[i] for i in range(len(found))] == written
        assert found.keys() == [r.key for r in written]


def test_empty_splits_are_left_out(tmp_path):
    write(tmp_path / "d")
    assert list(records.read_info(tmp_path / "d")["splits"]) == ["pairs"]


def test_nothing_half_written_stays_under_the_final_name(tmp_path):
    def fails():
        yield SAMPLE
        raise RuntimeError

    with pytest.raises(RuntimeError):
        records.write(tmp_path / "d", {"pairs": fails()}, **ABOUT)
    assert not (tmp_path / "d").exists()


def test_damage_is_one_sentence(tmp_path):
    folder = tmp_path / "d"
    write(folder)
    shard = folder / json.loads((folder / "dataset.json").read_text())["splits"]["pairs"]["shards"][
        0
    ]["file"]
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(UserError, match="bytes, not"):
        Records(folder, "pairs")
    shard.unlink()
    with pytest.raises(UserError, match="is missing"):
        Records(folder, "pairs")
    with pytest.raises(UserError, match="no split"):
        Records(folder, "test")
    with pytest.raises(UserError, match=r"no dataset.json"):
        Records(tmp_path, "pairs")


# ---- damage ------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_flipped_bit_or_a_cut_of_dataset_json_is_harmless_or_one_sentence(draw):
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place, "d")
        write(folder, count=2, shards=1)
        file, before = folder / "dataset.json", records.read_info(folder)
        data = bytearray(file.read_bytes())
        at = draw.draw(st.integers(0, len(data) - 1))
        data[at] ^= 1 << draw.draw(st.integers(0, 7))
        file.write_bytes(data[: draw.draw(st.sampled_from([at, len(data)]))])
        try:
            assert records.read_info(folder) == before
        except UserError as error:
            assert str(file) in str(error) and str(error).endswith(records.AGAIN)


def test_a_dataset_json_that_was_edited_is_refused_and_one_without_hashes_is_read(tmp_path):
    write(tmp_path / "d")
    file = tmp_path / "d/dataset.json"
    info = json.loads(file.read_text())
    file.write_text(json.dumps(info | {"licence": "mine"}))
    with pytest.raises(UserError, match="was damaged or edited"):
        records.read_info(tmp_path / "d")
    for split in info["splits"].values():
        del split["sha256"]
        for shard in split["shards"]:
            del shard["ends"]
    del info["sha256"]
    file.write_text(json.dumps(info | {"format": 1}))
    assert len(list(Records(tmp_path / "d", "pairs"))) == 7
    assert len(records.digest(records.read_info(tmp_path / "d"))) == 64


@pytest.mark.parametrize("end", [records.END, 64])  # as of a small shard, and inside of a large one
def test_a_flipped_byte_of_a_shard_is_harmless_or_names_shard_and_record(
    end, tmp_path, monkeypatch
):
    monkeypatch.setattr(records, "END", end)
    written, draw, told = write(tmp_path / "d", count=6, shards=2), random.Random(0), []
    file = tmp_path / "d/pairs-00001-of-00002.array_record"
    whole = file.read_bytes()
    used = [at for at, byte in enumerate(whole) if byte]
    for at in draw.sample(used, 60):
        harmed = bytearray(whole)
        harmed[at] ^= 1 << draw.randrange(8)
        file.write_bytes(harmed)
        try:
            assert list(Records(tmp_path / "d", "pairs")) == written
        except UserError as error:
            told.append(str(error))
            assert str(file) in told[-1] and told[-1].endswith(records.AGAIN)
    assert sum("record 1 of split pairs" in sentence for sentence in told) > 30
    assert end == 64 or len(told) == 60


def test_a_shard_of_another_data_set_is_refused(tmp_path):
    write(tmp_path / "d")
    others = [Record(f"k{i}", b"y" * i, (f"text {i}",), "s") for i in range(7)]
    records.write(tmp_path / "other", {"pairs": others}, shards=3, **ABOUT)
    name = "pairs-00001-of-00003.array_record"
    (tmp_path / "d" / name).write_bytes((tmp_path / "other" / name).read_bytes())
    with pytest.raises(UserError, match=f"{name} is not the one that dataset.json tells of; copy"):
        Records(tmp_path / "d", "pairs")


# ---- which data set ----------------------------------------------------------------------------

RECORDS = st.lists(
    st.builds(
        Record,
        key=st.text(max_size=5),
        image=st.binary(max_size=8),
        texts=st.lists(st.text(max_size=5), max_size=2).map(tuple),
        source=st.just("s"),
    ),
    min_size=1,
    max_size=4,
)


def digest_of(splits, shards=1):
    with tempfile.TemporaryDirectory() as place:
        records.write(pathlib.Path(place, "d"), splits, shards=shards, **ABOUT)
        return records.digest(records.read_info(pathlib.Path(place, "d")))


@settings(max_examples=8, deadline=None)
@given(RECORDS, RECORDS, st.integers(1, 3))
def test_the_digest_is_equal_exactly_for_equal_records_in_any_number_of_shards(one, two, shards):
    assert digest_of({"pairs": one}) == digest_of({"pairs": one}, shards)
    assert (digest_of({"pairs": one}) == digest_of({"pairs": two}, shards)) == (one == two)
    assert digest_of({"pairs": one}) != digest_of({"images": one})
    assert digest_of({"pairs": one, "test": two}) != digest_of({"pairs": one})
