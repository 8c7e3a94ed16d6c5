"""What is said about a data set that does not fit its config."""

import ml_collections
import pytest

from data_pipelines.words.pieces import Pieces
from data_pipelines.words.train import training_texts
from itit_jax import inputs


@pytest.mark.parametrize("length", [4, 10, 24])
def test_the_share_of_cut_texts_is_that_of_texts_whose_end_is_lost(easy, length):
    vocabulary = Pieces(easy / "vocabulary.model")
    texts = list(training_texts(easy))
    lost = [vocabulary.decode(vocabulary.encode(text, length)) != text for text in texts]
    config = ml_collections.ConfigDict({"data": {"path": str(easy), "text_length": length}})
    share = inputs.share_cut(config, vocabulary, sample=len(texts))
    assert share == sum(lost) / len(texts)
    assert (share == 0) == (length == 24)
