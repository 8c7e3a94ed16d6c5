"""Ids that end, by hand; and that both vocabularies have what is asked of one."""

import numpy as np
import pytest

from data_pipelines.words import base
from data_pipelines.words.bpe import Bpe
from data_pipelines.words.pieces import Pieces


@pytest.mark.parametrize(
    "ids, length, found",
    [
        ([5, 6], 4, [5, 6, 1, 0]),
        ([5, 6], 3, [5, 6, 1]),
        ([5, 6, 7], 3, [5, 6, 1]),  # cut, and still ended
        ([], 2, [1, 0]),
        ([5], 1, [1]),
    ],
)
def test_ids_are_cut_ended_and_padded(ids, length, found):
    ended = base.ended(ids, length, end=1, pad=0)
    assert ended.tolist() == found and ended.dtype == np.int32


@pytest.mark.parametrize(
    "ids, found", [([5, 6, 1, 7], [5, 6]), ([5, 0, 1], [5]), ([1], []), ([], []), ([5, 6], [5, 6])]
)
def test_a_text_is_what_stands_before_the_first_stop(ids, found):
    assert base.until(np.array(ids, np.int32), (1, 0)) == found


@pytest.mark.parametrize("vocabulary", [Pieces, Bpe])
def test_every_vocabulary_has_the_methods_of_words(vocabulary):
    asked = {name for name in vars(base.Words) if callable(getattr(base.Words, name))}
    asked = {name for name in asked if not name.startswith("_")}
    assert asked == {"encode", "decode", "count", "unknown", "files"}
    assert all(callable(getattr(vocabulary, name, None)) for name in asked)
