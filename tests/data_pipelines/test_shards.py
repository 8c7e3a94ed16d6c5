"""Shards of one split: one after the other, each whole or not there, whoever was killed."""

from data_pipelines import records, shards
from data_pipelines.example import encode
from data_pipelines.records import Record, Records
from data_pipelines.shards import Writer

ABOUT = dict(name="n", licence="l", made_by="m", parameters={})
EXAMPLES = [Record(f"k{i}", b"x" * i, (f"text {i}",), "s") for i in range(10)]


def write(folder, upto, cuts=(3, 4, 8)):
    """What a builder does that is killed behind `upto` records."""
    folder.mkdir(exist_ok=True)
    writer = Writer(folder, "pairs")
    for number, record in enumerate(EXAMPLES[:upto], start=1):
        if number > writer.there:
            writer.add(encode(record))
            if number in cuts:
                writer.cut()
    return writer


def files(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_who_was_killed_anywhere_goes_on_to_the_same_bytes(tmp_path):
    whole = write(tmp_path / "whole", 10).finish()
    assert [shard["records"] for shard in whole["shards"]] == [3, 1, 4, 2]
    for upto in range(10):
        folder = tmp_path / str(upto)
        write(folder, upto)  # never finished
        assert write(folder, 10).there == max([0, *(n for n in (3, 4, 8) if n <= upto)])
        assert write(folder, 10).finish() == whole
        assert files(folder) == files(tmp_path / "whole")


def test_records_lie_one_after_the_other_in_as_many_shards_as_they_fill(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "OPEN", 2)
    written, facts = records.write_splits(tmp_path, {"pairs": EXAMPLES}, shard_bytes=200)
    records.finish(tmp_path, written, facts, **ABOUT)
    found = Records(tmp_path, "pairs")
    assert len(written["pairs"]["shards"]) > 3
    assert list(found) == EXAMPLES and found[9] == EXAMPLES[9] and found[0] == EXAMPLES[0]
    sizes = [shard["bytes"] for shard in written["pairs"]["shards"]]
    assert len(found._open) == 2 and min(sizes) > 0


def test_the_two_ends_tell_files_apart(tmp_path):
    file = tmp_path / "x"
    file.write_bytes(bytes(3 * shards.END))
    before = shards.ends(file, 3 * shards.END)
    for at in (0, 3 * shards.END - 1):
        data = bytearray(3 * shards.END)
        data[at] = 1
        file.write_bytes(data)
        assert shards.ends(file, 3 * shards.END) != before
