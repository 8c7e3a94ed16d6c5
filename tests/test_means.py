"""Means of the training data: taken once, over all that a run may read, and kept with it."""

import json
import shutil

import jax
import numpy as np
import pytest

from data_pipelines.errors import UserError
from data_pipelines.records import Records
from itit_jax import config as settings
from itit_jax import inputs, main, means, parts
from itit_jax.recipes import base
from itit_jax.serve.session import Session
from itit_jax.workdir import Workdir
from tests import runs

TOWERS = [
    "--config=configs/towers_tiny.py", "--config.data.image_size=16",
    "--config.data.rows.caption=8", "--config.model.features=16",
    "--config.model.image.width=16", "--config.model.image.depth=1",
    "--config.model.image.mlp_width=16", "--config.model.text.width=16",
    "--config.model.text.depth=1", "--config.model.text.mlp_width=16",
    "--config.optimizer.warmup_steps=1", "--config.evaluate.examples=4", "--config.train.steps=2",
    "--config.evaluate.splits=test,",
]  # fmt: skip
CAPTIONER = [
    "--config=configs/c3_tiny.py", "--config.data.image_size=16", "--config.data.rows.texts=8",
    "--config.data.rows.images=0", "--config.model.captioner.width=16",
    "--config.model.captioner.depth=1", "--config.model.captioner.mlp_width=16",
    "--config.optimizer.warmup_steps=1", "--config.evaluate.examples=4",
    "--config.evaluate.scenes=", "--config.evaluate.splits=test,", "--config.train.steps=4",
    "--config.save.every=2", "--config.sample.rows=2",
]  # fmt: skip


@pytest.fixture(scope="module")
def tower(easy, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("towers") / "run"
    runs.run(*TOWERS, f"--workdir={workdir}", f"--config.data.path={easy}")
    return workdir


@pytest.fixture(scope="module")
def captioner(easy, tower, tmp_path_factory):
    """Arguments of a finished C3 run, and its workdir."""
    workdir = tmp_path_factory.mktemp("c3") / "run"
    arguments = [
        *CAPTIONER, f"--config.data.path={easy}", f"--config.tower.workdir={tower}",
        "--config.data.pairs=20", "--config.data.lone_images=30",
    ]
    runs.run(*arguments, f"--workdir={workdir}")
    return arguments, workdir


def test_a_mean_over_shards_and_batches_is_that_of_all_rows_at_once(captioner, easy):
    config = Workdir(captioner[1]).config()
    recipe = base.find(config)
    params, _ = parts.restore_params(recipe, config, captioner[1])
    vocabulary, length = inputs.open_vocabulary(config), config.data.text_length
    texts = [text for split, count in (("pairs", 20), ("texts", None))
             for record in list(Records(easy, split))[:count] for text in record.texts]  # fmt: skip
    ids = np.stack([vocabulary.encode(text, length) for text in texts])
    vectors = jax.jit(recipe.embed_texts)(params, ids)
    np.testing.assert_allclose(params["means"]["text"], np.mean(vectors, axis=0), atol=1e-5)
    assert not np.allclose(params["means"]["image"], params["means"]["text"])


def test_pictures_that_are_asked_about_count_once(captioner, easy_asked):
    run = Workdir(captioner[1])
    config = settings.override(run.config(), [f"data.path={easy_asked}"], flag="")
    found = means.mean(config, base.find(config), "image")  # of the same scenes
    np.testing.assert_allclose(found, run.means()["image"], atol=1e-6)


def test_who_comes_when_the_means_are_there_waits_for_the_others_too(captioner, monkeypatch):
    waited = []
    monkeypatch.setattr(means.distributed, "wait_for_all", waited.append)
    run = Workdir(captioner[1])
    means.take_once(run.config(), base.find(run.config()), run)
    assert waited == ["means"]


@pytest.mark.long
def test_a_run_goes_on_bit_for_bit_and_takes_no_mean_again(captioner, tmp_path):
    arguments, workdir = captioner
    again = tmp_path / "again"
    shutil.copytree(workdir, again)
    shutil.rmtree(again / "checkpoints" / "4")
    out = runs.run(*arguments, f"--workdir={again}")
    assert "resuming from step 2" in out and "mean image" not in out
    lines = [[json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
             for run in (workdir, again)]  # fmt: skip
    assert [line["loss"] for line in lines[0]] == [line["loss"] for line in lines[1]]


def test_other_means_than_a_run_was_trained_with_are_one_sentence(captioner, tmp_path):
    arguments, workdir = captioner
    changed = tmp_path / "changed"
    shutil.copytree(workdir, changed)
    file = changed / "means.json"
    found = json.loads(file.read_text())
    found["image"][0] += 0.5
    file.write_text(json.dumps(found))
    out = runs.run(*arguments, f"--workdir={changed}", code=2)
    assert "the means is not the one" in out
    file.unlink()
    config = Workdir(workdir).config()
    with pytest.raises(UserError, match="does not hold the means"):
        parts.restore_params(base.find(config), config, changed)


def test_an_export_captions_as_its_run_and_needs_neither_run_nor_tower(captioner, tmp_path):
    workdir = tmp_path / "gone" / "run"
    shutil.copytree(captioner[1], workdir)
    out = tmp_path / "export"
    assert main.main(["--mode=export", f"--workdir={workdir}", f"--out={out}"]) == 0
    pictures = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3)).astype(np.uint8)
    said = Session(workdir).caption(pictures)
    shutil.rmtree(tmp_path / "gone")
    assert Session(out).caption(pictures) == said
    assert {"mapper", "decoder", "tower", "means"} <= {file.name for file in out.iterdir()}
