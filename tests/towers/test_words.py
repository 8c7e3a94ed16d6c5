"""Texts as the text towers of CLIP, SigLIP and SigLIP 2 were shown them."""

import sys

import numpy as np
import pytest

from data_pipelines.errors import UserError
from data_pipelines.words.train import train_pieces
from itit_jax.models.towers import TextTower
from itit_jax.towers.words import open_words


def text_tower(end, length=8, vocabulary=60):
    return TextTower(vocabulary, length, 8, 8, 1, 2, 0, "gelu", 1e-6, end)


@pytest.fixture
def pieces(tmp_path):
    model = train_pieces(["a red dog", "the dog runs on red"] * 20, 40)
    (tmp_path / "spiece.model").write_bytes(model)
    return tmp_path


def test_siglip_lowers_drops_punctuation_and_pads_with_the_end(pieces):
    words = open_words(pieces, text_tower(None))
    ids = words("a red dog")
    assert ids.shape == (8,) and 1 in ids[:-1] and (ids[list(ids).index(1) :] == 1).all()
    np.testing.assert_array_equal(words(" A red,  DOG!\n"), ids)
    assert words.of("A red dog!").count(words.unknown) == 0 < words.of("zzz").count(words.unknown)
    long = words("the dog runs on red the dog runs on red")
    assert long[-1] == 1 and (long[:-1] != 1).all()


def test_a_vocabulary_of_another_model_is_refused(pieces):
    with pytest.raises(UserError, match="not of one model"):
        open_words(pieces, text_tower(None, vocabulary=4))("the red dog")
    (pieces / "spiece.model").write_text("no model")
    with pytest.raises(UserError, match="no SentencePiece model"):
        open_words(pieces, text_tower(None))
    with pytest.raises(UserError, match="holds no vocabulary .* put tokenizer.json there"):
        open_words(pieces, text_tower(50))


def write_table(folder, special):
    tokenizers = pytest.importorskip("tokenizers")
    vocabulary = {name: i for i, name in enumerate([*special, "?", "red", "dog", "runs"])}
    model = tokenizers.models.WordLevel(vocabulary, unk_token="?")
    table = tokenizers.Tokenizer(model)
    table.normalizer = tokenizers.normalizers.Lowercase() if "<pad>" not in special else None
    table.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    table.enable_padding(length=20)  # settings in the file do not matter
    table.enable_truncation(1)
    table.save(str(folder / "tokenizer.json"))


def test_clip_puts_a_text_between_start_and_end(tmp_path):
    write_table(tmp_path, ["<|startoftext|>", "<|endoftext|>"])
    words = open_words(tmp_path, text_tower(1, length=5))
    assert list(words("Red dog")) == [0, 3, 4, 1, 1]
    assert list(words("red dog runs red dog")) == [0, 3, 4, 5, 1]
    with pytest.raises(UserError, match="ends texts with the id 1, the weights with 7"):
        open_words(tmp_path, text_tower(7))


def test_siglip_2_lowers_and_pads_with_its_own_padding(tmp_path):
    write_table(tmp_path, ["<pad>", "<eos>"])
    words = open_words(tmp_path, text_tower(None, length=4))
    assert list(words("RED dog")) == [3, 4, 1, 0]
    assert list(words("red dog runs red dog")) == [3, 4, 5, 1]


def test_a_missing_package_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "tokenizer.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(UserError, match="pip install tokenizers"):
        open_words(tmp_path, text_tower(1))
