"""A record as bytes: read by us and by TensorFlow."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipelines import example
from data_pipelines.example import Asked, Record

SAMPLE = Record("a/1", b"\x89PNG" + bytes(range(256)) * 3, ("ein Haus", "häuschen ☃"), "here")


@pytest.mark.parametrize("record", [SAMPLE, Record("", b"", (), "")])
def test_a_record_survives_its_bytes(record):
    assert example.decode(example.encode(record)) == record


def test_tensorflow_reads_our_bytes():
    tf = pytest.importorskip("tensorflow")
    found = tf.train.Example.FromString(example.encode(SAMPLE))
    values = {k: list(v.bytes_list.value) for k, v in found.features.feature.items()}
    assert values["image"] == [SAMPLE.image] and values["key"] == [b"a/1"]
    assert [t.decode() for t in values["texts"]] == list(SAMPLE.texts)


def test_we_read_tensorflows_bytes():
    tf = pytest.importorskip("tensorflow")
    feature = lambda *v: tf.train.Feature(bytes_list=tf.train.BytesList(value=v))
    features = dict(image=feature(b"i"), key=feature(b"k"), texts=feature(b"t", b"u"))
    features |= dict(source=feature(b"s"), other=feature(b"?"))
    data = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    assert example.decode(data) == Record("k", b"i", ("t", "u"), "s")


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_cut_record_is_refused(cut):
    with pytest.raises(ValueError, match="not a record"):
        example.decode(example.encode(SAMPLE)[:-cut])


def test_questions_stand_beside_the_rest_and_records_without_are_as_before():
    plain = Record("k", b"png", (), "scenes")
    questions = Asked("where is it?", "top left", "place"), Asked("红色吗?", "no", "yes_no")
    asked = dataclasses.replace(plain, asked=questions)
    assert example.decode(example.encode(asked)) == asked
    assert b"questions" in example.encode(asked) and b"questions" not in example.encode(plain)
    with pytest.raises(ValueError):  # as many answers as questions, or it is no record
        example.decode(example.encode(asked).replace(b"answers", b"answerz"))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)


@settings(max_examples=50)
@given(st.lists(st.builds(Asked, TEXT, TEXT, TEXT)), st.lists(TEXT), st.binary(max_size=9))
def test_any_questions_survive_their_bytes(asked, texts, image):
    record = Record("k", image, tuple(texts), "s", tuple(asked))
    assert example.decode(example.encode(record)) == record
