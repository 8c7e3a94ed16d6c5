"""The command that learns a vocabulary."""

import pytest

from data_pipelines.errors import UserError
from data_pipelines.records import Record, write
from data_pipelines.words import train
from data_pipelines.words.pieces import Pieces
from data_pipelines.words.train import TooFewPieces, train_enough_pieces, train_pieces


def command(data, out, size):
    return train.main([f"--data={data}", f"--out={out}", f"--size={size}"])


def test_it_learns_from_pairs_and_texts_and_from_nothing_else(easy, tmp_path):
    out = tmp_path / "words.model"
    assert command(easy, out, 120) == 0
    texts = list(train.training_texts(easy))
    assert out.read_bytes() == train.train_pieces(texts, 120)
    words = Pieces(out)
    assert words.size <= 120
    assert all(words.decode(words.encode(text, 200)) == text for text in texts[:20])


def test_what_cannot_be_learnt_is_one_sentence_and_writes_nothing(easy, tmp_path, capsys):
    out, empty = tmp_path / "words.model", tmp_path / "empty"
    write(empty, {"pairs": [Record("a", b"i", (), "s")]},
          name="n", licence="l", made_by="m", parameters={})
    for data, size, sentence in (
        (easy, 3, "--size must be at least 4"), (easy, 5, "5 pieces are too few"),
        (empty, 99, "no texts to learn"), (tmp_path / "none", 99, "holds no dataset.json"),
    ):
        assert command(data, out, size) == 2
        told = capsys.readouterr().err
        assert sentence in told and told.count("\n") == 1
    assert not out.exists()
    assert command(easy, empty / "dataset.json" / "words.model", 120) == 2  # inside of a file
    assert "cannot be written" in capsys.readouterr().err


def test_texts_of_many_letters_get_the_pieces_that_they_need_or_are_told_how_many():
    letters = [chr(0x4E00 + i) for i in range(300)]
    texts = ["".join(letters[i : i + 7]) for i in range(0, 294)]
    with pytest.raises(TooFewPieces, match="give at least") as error:
        train_pieces(texts, 100)
    assert error.value.needed >= 300
    assert train_pieces(texts, error.value.needed)  # the advice works
    assert train_enough_pieces(texts, 100)
    small = ["a red dog"]
    assert train_enough_pieces(small, 60) == train_pieces(small, 60)


@pytest.mark.parametrize("texts", [[], [" "], ["\u200b"]])
def test_texts_without_a_word_are_one_sentence(texts):
    with pytest.raises(UserError, match="no texts to learn|no word to learn"):
        train_enough_pieces(texts, 60)
