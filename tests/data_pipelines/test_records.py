"""Shards on disk: what is written is read, damage is named, and contents say which set it is."""

import hashlib
import json
import pathlib
import random
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipelines import records, shards
from data_pipelines.errors import UserError
from data_pipelines.example import encode
from data_pipelines.records import Record, Records
from data_pipelines.shards import Writer

SAMPLE = Record("a/1", b"\x89PNG", ("ein Haus", "häuschen ☃"), "here")
ABOUT = dict(name="n", licence="l", made_by="m", parameters={})


def fill(folder, splits, each=10**6):
    """A data set of shards that hold `each` bytes of records."""
    folder.mkdir()
    return records.finish(folder, *records.write_splits(folder, splits, each), **ABOUT)


def write(folder, count=7, each=200, data=b"x"):
    examples = [Record(f"k{i}", data * i, (f"text {i}",), "s") for i in range(count)]
    fill(folder, {"pairs": examples, "empty": []}, each)
    return examples


def test_records_come_back_in_order_over_any_number_of_shards(tmp_path):
    for each, count in ((1000, 1), (1, 7)):
        folder = tmp_path / str(count)
        written = write(folder, each=each)
        assert len(list(folder.glob("*.array_record"))) == count
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
    shard = (
        folder
        / json.loads((folder / "dataset.json").read_text())["splits"]["pairs"]["shards"][0]["file"]
    )
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
        write(folder, count=2)
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


@pytest.mark.parametrize("end", [shards.END, 64])  # as of a small shard, and inside of a large one
def test_a_flipped_byte_of_a_shard_is_harmless_or_names_shard_and_record(
    end, tmp_path, monkeypatch
):
    monkeypatch.setattr(shards, "END", end)
    written, draw, told = write(tmp_path / "d", count=6), random.Random(0), []
    file = tmp_path / "d/pairs-00001.array_record"
    first = records.read_info(tmp_path / "d")["splits"]["pairs"]["shards"][0]["records"]
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
    assert sum(f"record {first} of split pairs" in sentence for sentence in told) > 30
    assert end == 64 or len(told) == 60


def test_a_shard_of_another_data_set_is_refused(tmp_path):
    write(tmp_path / "d")
    write(tmp_path / "other", data=b"y")
    name = "pairs-00001.array_record"
    (tmp_path / "d" / name).write_bytes((tmp_path / "other" / name).read_bytes())
    with pytest.raises(UserError, match=f"{name} is not the one that dataset.json tells of; copy"):
        Records(tmp_path / "d", "pairs")


def test_a_data_set_of_before_whose_records_lie_in_shards_in_turn_is_read(tmp_path):
    written = write(tmp_path / "new", each=1)
    folder = tmp_path / "old"
    folder.mkdir()
    split = {"records": 7, "shards": []}
    for number in range(3):
        writer = Writer(folder, f"{number}")
        for record in written[number::3]:
            writer.add(encode(record))
        split["shards"] += writer.finish()["shards"]
    records.write_info(folder, {"format": 2, **ABOUT, "splits": {"pairs": split}})
    found = Records(folder, "pairs")
    assert list(found) == written and found[5] == written[5]


def test_a_data_set_that_others_wrote_by_the_description_is_read(tmp_path):
    from array_record.python.array_record_module import ArrayRecordWriter

    shards, every = [], hashlib.sha256()
    for number, texts in enumerate((["a", "b"], ["c"])):
        file = tmp_path / f"texts-{number:05d}.array_record"
        writer = ArrayRecordWriter(str(file), "group_size:1")
        for text in texts:
            data = encode(Record(text, b"", (text,), "theirs"))
            every.update(len(data).to_bytes(8, "big") + data)
            writer.write(data)
        writer.close()
        told = hashlib.sha256(file.read_bytes()).hexdigest()
        shards.append({"file": file.name, "records": len(texts), "bytes": file.stat().st_size,
                       "sha256": told})  # fmt: skip
    split = {"records": 3, "sha256": every.hexdigest(), "shards": shards}
    info = {"format": 3, **ABOUT, "made_of": {}, "splits": {"texts": split}}
    told = hashlib.sha256(json.dumps(info, sort_keys=True).encode()).hexdigest()
    (tmp_path / "dataset.json").write_text(json.dumps(info | {"sha256": told}))
    assert Records(tmp_path, "texts").keys() == ["a", "b", "c"]
    ours = [Record(text, b"", (text,), "theirs") for text in "abc"]
    fill(tmp_path / "ours", {"texts": ours})
    assert records.digest(info) == records.digest(records.read_info(tmp_path / "ours"))


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


def digest_of(splits, each=10**6):
    with tempfile.TemporaryDirectory() as place:
        return records.digest(fill(pathlib.Path(place, "d"), splits, each))


@settings(max_examples=8, deadline=None)
@given(RECORDS, RECORDS, st.integers(1, 200))
def test_the_digest_is_equal_exactly_for_equal_records_in_any_number_of_shards(one, two, each):
    assert digest_of({"pairs": one}) == digest_of({"pairs": one}, each)
    assert (digest_of({"pairs": one}) == digest_of({"pairs": two}, each)) == (one == two)
    assert digest_of({"pairs": one}) != digest_of({"images": one})
    assert digest_of({"pairs": one, "test": two}) != digest_of({"pairs": one})
