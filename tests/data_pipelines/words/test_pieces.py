"""SentencePiece in T5's layout."""

import hashlib

import numpy as np
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipelines.errors import UserError
from data_pipelines.words.pieces import Pieces
from data_pipelines.words.train import train_pieces

TAUGHT = ["a", "red", "circle", "on", "the", "square", "zażółć"]
TEXTS = ["a red circle", "the blue square on a red circle", "zażółć gęślą jaźń"] * 9


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    out = tmp_path_factory.mktemp("words") / "vocabulary.model"
    out.write_bytes(train_pieces(TEXTS, 60))
    return out


def test_ids_are_sentencepieces_between_nothing_and_the_end(file):
    words, truth = Pieces(file), sentencepiece.SentencePieceProcessor(model_file=str(file))
    for text in TEXTS[:3]:
        ids = truth.encode(text)
        assert list(words.encode(text, 40)) == [*ids, 1, *[0] * (39 - len(ids))]
        assert words.count(text) == len(ids) + 1
    assert words.encode("a", 4).dtype == np.int32 and words.size == truth.vocab_size()


def test_a_decoder_begins_with_the_padding_as_in_t5(file):
    words = Pieces(file)
    assert (words.begin, words.end, words.pad) == (0, 1, 0)


def test_a_long_text_is_cut_and_still_ended(file):
    words = Pieces(file)
    whole, cut = words.encode("a red circle", 40), words.encode("a red circle", 4)
    assert list(cut) == [*whole[:3], 1]
    assert list(words.encode("a red circle", 1)) == [1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(TAUGHT), max_size=9))
def test_what_was_learnt_comes_back(file, parts):
    words, text = Pieces(file), " ".join(parts)
    assert words.decode(words.encode(text, words.count(text) + 3)) == text


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=12))
def test_any_ids_decode_up_to_the_first_end(file, ids):
    words = Pieces(file)
    stops = [i for i, value in enumerate(ids) if value in (0, 1)]
    assert words.decode(ids) == words.decode(ids[: stops[0]] if stops else ids)


def test_the_digest_is_that_of_the_file(file):
    words = Pieces(file)
    assert words.digest == hashlib.sha256(file.read_bytes()).hexdigest()
    assert words.files() == {"vocabulary.model": file.read_bytes()}


def test_files_that_are_no_such_model_are_one_sentence(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        Pieces(tmp_path / "none.model")
    (tmp_path / "x.model").write_text("no model")
    with pytest.raises(UserError, match="is no SentencePiece model"):
        Pieces(tmp_path / "x.model")
    with open(tmp_path / "other.model", "wb") as out:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(TEXTS), model_writer=out, vocab_size=60, minloglevel=2,
            hard_vocab_limit=False,
        )
    with pytest.raises(UserError, match="has not T5's layout"):
        Pieces(tmp_path / "other.model")


def test_the_share_of_pieces_that_say_nothing_is_that_of_unknown_letters(file):
    words = Pieces(file)
    known = words.decode(words.encode("red circle", 24))
    assert words.unknown(known) == words.unknown("") == 0
    assert words.unknown("\u7ea2\u8272") > 0.4
    assert 0 < words.unknown(f"{known} \u7ea2") < words.unknown("\u7ea2\u8272") + 1e-9
