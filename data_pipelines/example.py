"""One record as a tf.train.Example with the bytes features key, image, texts and source; one that
is asked about has questions, answers and kinds too, as many of each.

By a small coder of our own, so that TensorFlow reads it and we need no TensorFlow.
"""

import dataclasses
from typing import NamedTuple

LENGTH_DELIMITED = 2  # protobuf wire type of strings, bytes and messages
ASKED = ("questions", "answers", "kinds")  # features of what `Asked` holds


class Asked(NamedTuple):
    """A question about a picture. One of several right answers stands again with each of them."""

    question: str
    answer: str
    kind: str  # by which it is scored, such as "colour"


@dataclasses.dataclass(frozen=True)
class Record:
    """One example. `image` holds encoded bytes or nothing, `texts` any number of captions."""

    key: str
    image: bytes
    texts: tuple[str, ...]
    source: str
    asked: tuple[Asked, ...] = ()


QUESTIONS = "questions"


def questions_of(split: str) -> str:
    """The split of questions about the pictures of a split, whose records have no texts."""
    return QUESTIONS if split == "pairs" else f"{split}_{QUESTIONS}"


def asks(split: str) -> bool:
    """Whether it is one of questions."""
    return split.endswith(QUESTIONS)


def encode(record: Record) -> bytes:
    """Serialised tf.train.Example: message Example { Features { map<string, Feature> } }."""
    features = {
        "image": [record.image] if record.image else [],
        "key": [record.key.encode()],
        "source": [record.source.encode()],
        "texts": [text.encode() for text in record.texts],
    }
    if record.asked:  # any other is written as before there were questions
        columns = zip(*((part.encode() for part in each) for each in record.asked))
        features |= dict(zip(ASKED, columns))
    entries = b""
    for name, values in features.items():
        feature = _field(1, b"".join(_field(1, value) for value in values))  # bytes_list
        entries += _field(1, _field(1, name.encode()) + _field(2, feature))
    return _field(1, entries)


def decode(data: bytes) -> Record:
    """Inverse of encode; features that it does not know are passed over."""
    try:
        features = {}
        for entry in _fields(dict(_fields(memoryview(data)))[1]):  # a picture is copied once
            parts = dict(_fields(entry[1]))
            values = [v for _, each in _fields(parts[2]) for _, v in _fields(each)]
            features[str(parts[1], "utf-8")] = list(map(bytes, values))
        return Record(
            key=features["key"][0].decode(),
            image=next(iter(features.get("image", ())), b""),
            texts=tuple(text.decode() for text in features.get("texts", ())),
            source=features["source"][0].decode(),
            asked=tuple(
                Asked(*(part.decode() for part in each))
                for each in zip(*(features.get(name, ()) for name in ASKED), strict=True)
            ),
        )
    except (IndexError, KeyError, ValueError) as error:  # also of bytes that are no UTF-8
        raise ValueError("not a record of this format") from error


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | LENGTH_DELIMITED) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _fields(data: memoryview) -> list[tuple[int, memoryview]]:
    """(field number, bytes) of a message that holds length-delimited fields only."""
    out, at, end = [], 0, len(data)
    while at < end:
        tag, at = _read_varint(data, at)
        size, at = _read_varint(data, at)
        if tag & 7 != LENGTH_DELIMITED or at + size > end:
            raise IndexError("cut or foreign message")
        out.append((tag >> 3, data[at : at + size]))
        at += size
    return out


def _read_varint(data: memoryview, at: int) -> tuple[int, int]:
    if (value := data[at]) < 0x80:  # most are
        return value, at + 1
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
