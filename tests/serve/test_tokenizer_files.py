"""tokenizer.json makes the ids that SentencePiece makes."""

import base64
import io
import json

import pytest
import sentencepiece

from data_pipelines.words.pieces import Pieces
from data_pipelines.words.train import train_pieces
from itit_jax.serve.tokenizer_files import tokenizer_files
from tests.serve.exported import TEXTS

SPACE = "\u2581"


@pytest.fixture(scope="module")
def bpe(tmp_path_factory):
    file = tmp_path_factory.mktemp("bpe") / "x.model"
    file.write_bytes(train_pieces(TEXTS, 60))
    return file


def by_merges(text, model):
    """Ids of a text by the rules of the tokenizers library: the first merge of the list that
    fits, leftmost first, until none does."""
    pieces = list(SPACE + text.replace(" ", SPACE))
    ranks = {tuple(pair): rank for rank, pair in enumerate(model["merges"])}
    while True:
        pairs = [(ranks.get(pair, len(ranks)), i) for i, pair in enumerate(zip(pieces, pieces[1:]))]
        rank, place = min(pairs, default=(len(ranks), 0))
        if rank == len(ranks):
            return [model["vocab"][piece] for piece in pieces]
        pieces[place : place + 2] = ["".join(pieces[place : place + 2])]


def test_the_merges_of_a_bpe_vocabulary_make_its_ids(bpe):
    model = json.loads(tokenizer_files(Pieces(bpe), 24)["tokenizer.json"])["model"]
    vocabulary = Pieces(bpe)
    for text in TEXTS:
        text = " ".join(text.split())
        ids = vocabulary.encode(text, 99)
        assert by_merges(text, model) == list(ids[: vocabulary.count(text) - 1])


def test_a_bpe_vocabulary_is_not_called_t5s(bpe):
    files = tokenizer_files(Pieces(bpe), 24)
    config = json.loads(files["tokenizer_config.json"])
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert files["spiece.model"] == bpe.read_bytes()
    (charsmap, *_) = json.loads(files["tokenizer.json"])["normalizer"]["normalizers"]
    assert base64.b64decode(charsmap["precompiled_charsmap"]) in files["spiece.model"]


def test_a_unigram_vocabulary_is_t5s_without_sentinels(tmp_path):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS), model_writer=model, vocab_size=60, model_type="unigram",
        hard_vocab_limit=False, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, minloglevel=2,
    )  # fmt: skip
    (tmp_path / "x.model").write_bytes(model.getvalue())
    files = tokenizer_files(Pieces(tmp_path / "x.model"), 24)
    config = json.loads(files["tokenizer_config.json"])
    assert files.keys() == {"spiece.model", "tokenizer_config.json"}
    assert (config["tokenizer_class"], config["extra_ids"]) == ("T5Tokenizer", 0)
    assert (config["pad_token"], config["eos_token"], config["unk_token"]) == (
        "<pad>", "</s>", "<unk>",
    )  # fmt: skip
