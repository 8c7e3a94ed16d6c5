"""What is said about a data set that does not fit its config."""

import ml_collections
import numpy as np
import pytest

from data_pipelines.words.pieces import FILE, Pieces
from data_pipelines.words.train import training_texts
from itit_jax import config as settings
from itit_jax import encode, inputs
from itit_jax.recipes import base
from itit_jax.workdir import Workdir
from tests.data_pipelines.words import byte_bpe


def config_of(data, **more):
    section = {"path": str(data), "vocabulary": "", "text_length": 24} | more
    return ml_collections.ConfigDict({"data": section})


def test_a_run_keeps_the_words_of_its_data_set(easy, tmp_path):
    run = Workdir(tmp_path)
    words = inputs.open_vocabulary(config_of(easy))
    inputs.keep_vocabulary(words, run)
    assert inputs.kept_vocabulary(run).digest == words.digest == Pieces(run.path / FILE).digest


def test_words_that_end_texts_by_another_id_are_put_into_the_layout_of_the_models(easy, tmp_path):
    byte_bpe.write(tmp_path, (("a", "b"),), "")
    words = inputs.open_vocabulary(config_of(easy, vocabulary=str(tmp_path)))
    assert (words.pad, words.end, words.size) == (0, 1, 2 + 256 + 1 + 1)
    run = Workdir(tmp_path / "run")
    run.make()
    inputs.keep_vocabulary(words, run)
    assert inputs.kept_vocabulary(run).digest == words.digest


@pytest.mark.parametrize("length", [4, 10, 24])
def test_the_share_of_cut_texts_is_that_of_texts_whose_end_is_lost(easy, length):
    vocabulary = Pieces(easy / "vocabulary.model")
    texts = list(training_texts(easy))
    lost = [vocabulary.decode(vocabulary.encode(text, length)) != text for text in texts]
    share = inputs.share_cut(config_of(easy, text_length=length), vocabulary, sample=len(texts))
    assert share == sum(lost) / len(texts)
    assert (share == 0) == (length == 24)


def test_augmentation_reaches_training_rows_and_neither_held_out_nor_encoded_pictures(easy):
    data = [f"data.path={easy}", *(f"data.{name}=0" for name in ("pairs", "lone_images"))]
    changes = [f"data.augment.{each}" for each in ("crop=0.5", "flip=true", "colour=0.3")]
    plain, augmented = (
        settings.load("configs/towers_tiny.py", overrides=[*data, *more]) for more in ([], changes)
    )

    def row(config):
        recipe = base.find(config)
        opened = inputs.open_streams(config, recipe, host=0, hosts=1)
        return next(inputs.read_streams(config, opened, recipe, step=3))[1]["caption"]["image"]

    assert not np.array_equal(row(plain), row(augmented))
    for split in ("test", "pairs"):  # training pictures too, where they are scored
        found = [inputs.held_out(config, split, 30)["image"] for config in (plain, augmented)]
        np.testing.assert_array_equal(*found)
    for config in (plain, augmented):
        says = next(e for e in base.find(config).encodings.values() if e.reads == "image")
        encoded = encode._source(config, config, None, says).rows("pairs")
        np.testing.assert_array_equal(next(encoded), found[0][0])
