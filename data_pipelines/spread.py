"""Examples for evaluation, spread evenly over a split."""

import numpy as np

from data_pipelines.streams import Split


def examples(folder, split, count, *, image_size, text_length, vocabulary):
    """At most `count` records of a split for evaluation, spread evenly over it, in order.

    {"image" uint8 [b, h, w, 3], "text" int32 [b, t] (each record's first), "keys", "texts"}.
    """
    found = Split(
        folder, split, 0, image_size=image_size, text_length=text_length, vocabulary=vocabulary
    )
    index, records = _spread(found, count)
    return {
        "image": np.stack([found.image(i) for i in index]),
        "text": np.stack([vocabulary.encode(r.texts[0], text_length) for r in records]),
        "keys": [r.key for r in records],
        "texts": [r.texts for r in records],
    }


def asked_examples(folder, split, count, *, image_size, text_length, vocabulary):
    """All questions about at most `count` pictures of a split of questions, likewise.

    {"image" uint8 [n, h, w, 3], "question" int32 [b, t], "of" int [b] (which image), "keys" [n],
    "asked" (each an example.Asked) [b]}.
    """
    found = Split(
        folder, split, 0, image_size=image_size, text_length=text_length, vocabulary=vocabulary
    )
    index, records = _spread(found, count)
    asked = [(number, each) for number, record in enumerate(records) for each in record.asked]
    words = [vocabulary.encode(each.question, text_length) for _, each in asked]
    return {
        "image": np.stack([found.image(i) for i in index]),
        "question": np.stack(words),
        "of": np.array([number for number, _ in asked]),
        "keys": [record.key for record in records],
        "asked": [each for _, each in asked],
    }


def _spread(split, count):
    """(places, records) of at most `count` records, spread evenly over a split, in order."""
    count = min(count, split.count)
    index = [i * split.count // count for i in range(count)]
    return index, [split.records[i] for i in index]
