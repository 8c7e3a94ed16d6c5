"""Vocabularies of others with T5's ids: theirs from 2 on, and nothing lost on the way."""

import numpy as np
import pytest

from data_pipelines.words.bpe import Bpe
from data_pipelines.words.t5_layout import in_t5_layout
from tests.data_pipelines.words import byte_bpe

TEXT = "a red dog in the house"


@pytest.fixture(params=["", "</w>"], ids=["gpt2", "clip"])
def theirs(request, tmp_path):
    merges = byte_bpe.learn([TEXT] * 3, 20, request.param)
    folder = byte_bpe.write(tmp_path, merges, request.param)
    return Bpe(folder / "vocab.json", folder / "merges.txt")


def test_their_ids_stand_two_places_higher_between_no_begin_and_end_one(theirs):
    ours = in_t5_layout(theirs)
    told = [
        i for i in theirs.encode(TEXT, theirs.count(TEXT)) if i not in (theirs.begin, theirs.end)
    ]
    ids = ours.encode(TEXT, 30)
    np.testing.assert_array_equal(ids[: len(told)], np.array(told) + 2)
    assert ids[len(told)] == 1 and not ids[len(told) + 1 :].any()
    assert ours.count(TEXT) == len(told) + 1 and ours.size == theirs.size + 2
    assert ours.decode(ids) == TEXT == theirs.decode(theirs.encode(TEXT, 30))


def test_a_longer_text_is_cut_and_still_ended(theirs):
    ours = in_t5_layout(theirs)
    whole, cut = ours.encode(TEXT, 30), ours.encode(TEXT, 3)
    np.testing.assert_array_equal(cut, [*whole[:2], 1])
    assert TEXT.startswith(ours.decode(cut))


def test_ids_that_stand_for_nothing_decode_to_nothing(theirs):
    assert in_t5_layout(theirs).decode([theirs.size + 5, 1, 7]) == ""


def test_a_vocabulary_of_that_layout_stays_what_it_is(theirs):
    ours = in_t5_layout(theirs)
    assert in_t5_layout(ours) is ours and ours.digest != theirs.digest
