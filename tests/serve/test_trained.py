"""What a run's folder gives, and what is not asked of a run that cannot do it."""

import hashlib

import jax
import numpy as np
import pytest

from data_pipelines.errors import UserError
from itit_jax.checkpoints import Checkpoints
from itit_jax.recipes import base
from itit_jax.serve import trained
from itit_jax.workdir import Workdir


def test_a_tokenizer_is_its_newest_checkpoint_and_has_no_vocabulary(tokenizer):
    found = trained.of_run(tokenizer)
    assert (found.step, found.vocabulary) == (4, None)
    assert found.config.recipe == "vq" and type(found.recipe).__module__.endswith(".vq")
    run = Workdir(tokenizer)
    section = "ema" if run.config().optimizer.ema_decay else "params"
    kept = Checkpoints(run).restore_part(section, "tokenizer", found.params["tokenizer"])
    jax.tree.map(np.testing.assert_array_equal, found.params, {"tokenizer": kept})


def test_a_run_that_reads_texts_comes_with_the_vocabulary_of_its_data(classifier, easy):
    found = trained.of_run(classifier)
    model = (easy / "vocabulary.model").read_bytes()
    assert found.vocabulary.digest == hashlib.sha256(model).hexdigest()
    assert trained.able(found, base.Features) is found.recipe


def test_other_settings_of_a_run_are_taken_as_they_are_given(tokenizer):
    config = Workdir(tokenizer).config()
    assert trained.of_run(tokenizer, config).config is config


def test_what_a_run_cannot_do_is_one_sentence(tokenizer):
    with pytest.raises(UserError, match=r"is a run of vq, which cannot do this \(Texts to pict"):
        trained.able(trained.of_run(tokenizer), base.Draws)
