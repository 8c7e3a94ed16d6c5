"""What was said of records comes back from disk, row by row."""

import numpy as np
import pytest

from data_pipelines import encoded
from data_pipelines.errors import UserError
from data_pipelines.streams import Streams

COUNTS = [2, 1, 3]  # rows of each record
STARTS = np.cumsum([0, *COUNTS])
ROWS = np.arange(6 * 4, dtype=np.float32).reshape(6, 2, 2)


def write(folder, batches=(ROWS[:4], ROWS[4:])):
    encoded.write(folder, "pairs", "vectors", STARTS, batches, shape=(2, 2), dtype=np.float32)


def test_every_record_has_its_own_rows(tmp_path):
    write(tmp_path)
    found = encoded.Encoded(tmp_path, "pairs", "vectors", 3)
    for record, rows in enumerate(np.split(ROWS, STARTS[1:-1])):
        np.testing.assert_array_equal(found.of(record), rows)
    assert found.rows.dtype == np.float32
    np.testing.assert_array_equal(np.load(tmp_path / "pairs.vectors.npy"), ROWS)  # plain NumPy


def test_one_of_the_rows_of_a_record_is_picked_by_a_number(tmp_path):
    write(tmp_path)
    found = encoded.Encoded(tmp_path, "pairs", "vectors", 3)
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
    assert [file.name for file in tmp_path.iterdir()] == ["pairs.vectors.starts.npy"]
    with pytest.raises(UserError, match="holds no vectors of split pairs; run --mode=encode"):
        encoded.Encoded(tmp_path, "pairs", "vectors", 3)


def test_other_numbers_of_records_and_cut_files_are_one_sentence(tmp_path):
    write(tmp_path)
    with pytest.raises(UserError, match="holds 3 records, the data set 4"):
        encoded.Encoded(tmp_path, "pairs", "vectors", 4)
    file = tmp_path / "pairs.vectors.npy"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(UserError, match="is damaged"):
        encoded.Encoded(tmp_path, "pairs", "vectors", 3)


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
        encoded.write(tmp_path, name, "tokens", starts, [rows], shape=(2,), dtype=np.int32)
    tokens = make(tokens=tmp_path)
    for step in range(3):
        shown, said = pictures.batch(step), tokens.batch(step)
        for stream, name in (("images", "images"), ("draw", "pairs")):
            assert "image" not in said[stream] and said[stream]["tokens"].dtype == np.int32
            for image, (number, again) in zip(shown[stream]["image"], said[stream]["tokens"]):
                assert number == again
                np.testing.assert_array_equal(image, pictures._splits[name].image(int(number)))
