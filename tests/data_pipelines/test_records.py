"""Shards on disk: what is written is read, by us and by TensorFlow, and damage is named."""

import json

import numpy as np
import pytest

from data_pipelines import records
from data_pipelines.errors import UserError
from data_pipelines.images import decode as decode_image
from data_pipelines.images import encode_png
from data_pipelines.records import Record, Records

SAMPLE = Record("a/1", b"\x89PNG" + bytes(range(256)) * 3, ("ein Haus", "häuschen ☃"), "here")
ABOUT = dict(name="n", licence="l", made_by="m", parameters={})


def write(folder, count=7, shards=3):
    examples = [Record(f"k{i}", b"x" * i, (f"text {i}",), "s") for i in range(count)]
    records.write(folder, {"pairs": examples, "empty": []}, shards=shards, **ABOUT)
    return examples


@pytest.mark.parametrize("record", [SAMPLE, Record("", b"", (), "")])
def test_a_record_survives_its_bytes(record):
    assert records.decode(records.encode(record)) == record


def test_tensorflow_reads_our_bytes():
    tf = pytest.importorskip("tensorflow")
    example = tf.train.Example.FromString(records.encode(SAMPLE))
    values = {k: list(v.bytes_list.value) for k, v in example.features.feature.items()}
    assert values["image"] == [SAMPLE.image] and values["key"] == [b"a/1"]
    assert [t.decode() for t in values["texts"]] == list(SAMPLE.texts)


def test_we_read_tensorflows_bytes():
    tf = pytest.importorskip("tensorflow")
    feature = lambda *v: tf.train.Feature(bytes_list=tf.train.BytesList(value=v))
    features = dict(image=feature(b"i"), key=feature(b"k"), texts=feature(b"t", b"u"))
    features |= dict(source=feature(b"s"), other=feature(b"?"))
    data = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    assert records.decode(data) == Record("k", b"i", ("t", "u"), "s")


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_cut_record_is_refused(cut):
    with pytest.raises(ValueError, match="not a record"):
        records.decode(records.encode(SAMPLE)[:-cut])


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
    (folder / "dataset.json").write_text("{")
    with pytest.raises(UserError, match="is no JSON"):
        Records(folder, "pairs")


def test_pictures_are_laid_on_white_and_cut_to_a_square():
    import io

    from PIL import Image

    wide = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
    out = io.BytesIO()
    wide.save(out, format="PNG")
    assert (decode_image(out.getvalue(), 16) == 255).all()
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    np.testing.assert_array_equal(decode_image(encode_png(pixels), 16), pixels)
    with pytest.raises(ValueError, match="no image"):
        decode_image(b"nothing", 16)
