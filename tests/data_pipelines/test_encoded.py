"""What was said of records comes back from disk, row by row."""

import random

import numpy as np
import pytest

from data_pipelines import encoded
from data_pipelines.errors import UserError
from data_pipelines.records import digest, read_info
from data_pipelines.streams import Streams

COUNTS = [2, 1, 3]  # rows of each record
STARTS = np.cumsum([0, *COUNTS])
ROWS = np.arange(6 * 4, dtype=np.float32).reshape(6, 2, 2)


def write(folder, batches=(ROWS[:4], ROWS[4:]), dataset="this"):
    how = dict(shape=(2, 2), dtype=np.float32, dataset=dataset)
    encoded.write(folder, "pairs", "vectors", STARTS, batches, **how)


def read(folder, records=3, dataset="this"):
    return encoded.Encoded(folder, "pairs", "vectors", records, dataset)


def test_every_record_has_its_own_rows(tmp_path):
    write(tmp_path)
    found = read(tmp_path)
    for record, rows in enumerate(np.split(ROWS, STARTS[1:-1])):
        np.testing.assert_array_equal(found.of(record), rows)
    assert found.rows.dtype == np.float32
    np.testing.assert_array_equal(np.load(tmp_path / "pairs.vectors.npy"), ROWS)  # plain NumPy


def test_one_of_the_rows_of_a_record_is_picked_by_a_number(tmp_path):
    write(tmp_path)
    found = read(tmp_path)
    records = np.array([0, 2, 2, 1, 0])
    draws = np.array([1, 2, 2**64 - 1, 7, 4], np.uint64)  # 2**64 - 1 is a multiple of 3
    np.testing.assert_array_equal(found.pick(records, draws), ROWS[[1, 5, 3, 2, 0]])


def test_what_was_stopped_is_not_there(tmp_path):
    write(tmp_path)

    def stopped():
        yield ROWS[:4]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, stopped())
    assert not encoded.there(tmp_path, "pairs", "vectors")
    assert not (tmp_path / "pairs.vectors.npy").exists()
    with pytest.raises(UserError, match="no vectors of split pairs, or not all of them; run"):
        read(tmp_path)


def test_rows_of_another_data_set_are_refused_however_many_there_are(tmp_path):
    write(tmp_path, dataset="other")
    with pytest.raises(UserError, match="pairs.vectors.npy was made of another data set; run"):
        read(tmp_path)


@pytest.mark.parametrize("file", range(3))
@pytest.mark.parametrize("block", [16, 48, encoded.BLOCK])  # bytes: of one row, of three, of all
def test_any_flipped_bit_and_any_cut_is_harmless_or_one_sentence(
    file, block, tmp_path, monkeypatch
):
    monkeypatch.setattr(encoded, "BLOCK", block)
    write(tmp_path)
    file, draw, told = encoded.files(tmp_path, "pairs", "vectors")[file], random.Random(0), 0
    whole = file.read_bytes()
    for at in draw.sample(range(len(whole)), min(len(whole), 120)):
        harmed = bytearray(whole)
        harmed[at] ^= 1 << draw.randrange(8)
        for data in (harmed, whole[:at]):
            file.write_bytes(data)
            try:
                found = read(tmp_path)
                np.testing.assert_array_equal(np.concatenate([found.of(i) for i in range(3)]), ROWS)
            except UserError as error:
                told += 1
                assert str(tmp_path / "pairs.vectors.npy") in str(error)
                assert "run --mode=encode" in str(error)
    assert told > 150


def test_a_block_is_looked_at_when_a_row_of_it_is_asked_for_and_once(tmp_path, monkeypatch):
    monkeypatch.setattr(encoded, "BLOCK", 32)  # two rows
    write(tmp_path)
    found, seen = read(tmp_path), []
    crc32 = encoded.zlib.crc32
    monkeypatch.setattr(encoded.zlib, "crc32", lambda *a: seen.append(1) or crc32(*a))
    for records, looked in (([0], 1), ([0, 1], 2), ([2, 1], 2)):  # rows 0; 0, 2; 3, 2
        found.pick(np.array(records), np.zeros(len(records), np.uint64))
        assert len(seen) == looked
    for _ in range(2):
        found.of(2)  # rows 3, 4, 5
        assert len(seen) == 3


def test_streams_show_tokens_in_the_place_of_their_picture(easy, tmp_path):
    """Each record's tokens are its number, so that the batch tells whose they are."""
    make = lambda **more: Streams(
        easy, {"images": 8, "draw": 4}, seed=3, image_size=16, text_length=24, vocabulary=easy,
        **more,
    )
    pictures = make()
    for name, split in pictures._splits.items():
        rows = np.repeat(np.arange(split.count, dtype=np.int32)[:, None], 2, axis=1)
        starts = np.arange(split.count + 1)
        how = dict(shape=(2,), dtype=np.int32, dataset=digest(read_info(easy)))
        encoded.write(tmp_path, name, "tokens", starts, [rows], **how)
    tokens = make(tokens=tmp_path)
    for step in range(3):
        shown, said = pictures.batch(step), tokens.batch(step)
        for stream, name in (("images", "images"), ("draw", "pairs")):
            assert "image" not in said[stream] and said[stream]["tokens"].dtype == np.int32
            for image, (number, again) in zip(shown[stream]["image"], said[stream]["tokens"]):
                assert number == again
                np.testing.assert_array_equal(image, pictures._splits[name].image(int(number)))
