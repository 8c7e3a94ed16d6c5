"""A vocabulary is opened by what its file or folder is."""

import pytest

from data_pipelines import records
from data_pipelines.errors import UserError
from data_pipelines.words.bpe import Bpe
from data_pipelines.words.find import open_words
from data_pipelines.words.pieces import Pieces
from data_pipelines.words.train import train_pieces
from tests.data_pipelines.words import byte_bpe


@pytest.mark.parametrize("name", ["vocabulary.model", "spiece.model"])
def test_a_folder_with_a_sentencepiece_model(tmp_path, name):
    (tmp_path / name).write_bytes(train_pieces(["a red dog"] * 9, 30))
    (tmp_path / "tokenizer.json").write_text("another form of the same")
    found = open_words(tmp_path)
    assert isinstance(found, Pieces) and open_words(tmp_path / name).digest == found.digest


def test_a_folder_with_bpe(tmp_path):
    byte_bpe.write(tmp_path, (("a", "b"),), "")
    found = open_words(str(tmp_path))
    assert isinstance(found, Bpe)
    assert set(found.files()) == {"vocab.json", "merges.txt"}
    for name in found.files():
        assert open_words(tmp_path / name).digest == found.digest


def test_half_a_bpe_is_none(tmp_path):
    byte_bpe.write(tmp_path, (("a", "b"),), "")
    (tmp_path / "merges.txt").unlink()
    with pytest.raises(UserError, match="merges.txt does not exist"):
        open_words(tmp_path / "vocab.json")
    with pytest.raises(UserError, match="holds no vocabulary; put one of vocabulary.model"):
        open_words(tmp_path)


def test_a_path_to_nothing_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="none.model does not exist"):
        open_words(tmp_path / "none.model")


@pytest.mark.parametrize("now", ["gone", "garbage", "another", "in another form"])
def test_a_data_set_is_opened_with_the_vocabulary_that_it_was_made_with(tmp_path, now):
    model, other = (train_pieces([text] * 9, 30) for text in ("a red dog", "two blue cats"))
    folder, file = tmp_path / "data", tmp_path / "data/vocabulary.model"
    records.write(folder, {}, extra={file.name: model})
    assert open_words(folder).files() == {file.name: model}
    file.unlink()
    if now == "in another form":
        (folder / "spiece.model").write_bytes(model)
    elif now != "gone":
        file.write_bytes(other if now == "another" else b"garbage")
    with pytest.raises(UserError, match="not the vocabulary .*vocabulary.model.; copy it") as error:
        open_words(folder)
    assert len(str(error.value).splitlines()) == 1
    file.write_bytes(other)
    info = records.read_info(folder)
    records.write_info(folder, {name: info[name] for name in info if name != "files"})
    assert open_words(folder).files() == {file.name: other}, "made before this was told"
