"""The command that learns a vocabulary."""

from data_pipelines.records import Record, write
from data_pipelines.words import train
from data_pipelines.words.pieces import Pieces


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
    assert command(easy, tmp_path / "none" / "words.model", 120) == 2
    assert "cannot be written" in capsys.readouterr().err
