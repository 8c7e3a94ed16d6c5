"""A new paper is three files: its keys, its recipe, its network. Nothing else is touched."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests import runs

CONFIG = '''
"""Keys of a paper that captions a picture by its mean colour."""

from configs import defaults as loop
from configs.keys import Key, at_least
from configs.spec import Spec

KEYS = loop.keys((r"words/hues/kernel", (None, "fsdp"))) | {
    "model.vocabulary_size": Key(256, "words that it says", at_least(3)),
}


def has_rows(c):
    if not c.data.rows.caption:
        return "data.rows.caption is 0, so nothing is captioned; give it rows."


SPEC = Spec("mean_colour", KEYS, (*loop.CHECKS, has_rows), loop.NEEDS, paper="a toy of the tests")
'''

EXPERIMENT = '''
from configs import mean_colour


def get_config():
    c = mean_colour.SPEC.defaults()
    c.data.update(image_size=16, text_length=8)
    c.data.rows.caption = 8
    c.train.steps = 3
    c.optimizer.update(warmup_steps=1, learning_rate=0.3)
    c.evaluate.examples = 4
    return c
'''

NETWORK = '''
"""Mean colour -> words."""

import flax.linen as nn


class MeanColour(nn.Module):
    length: int
    words: int

    @nn.compact
    def __call__(self, pixels):
        """float32 [b, h, w, 3] -> logits [b, t, v]."""
        hues = pixels.mean((1, 2))
        logits = nn.Dense(self.length * self.words, name="hues")(hues)
        return logits.reshape(-1, self.length, self.words)
'''

RECIPE = '''
"""A toy: the words of a caption by the mean colour of its picture."""

import jax.numpy as jnp

from itit_jax import losses
from itit_jax.models.mean_colour import MeanColour
from itit_jax.recipes import base


class Recipe:
    """One part: words."""

    def __init__(self, config):
        self.size = config.data.image_size
        self.network = MeanColour(config.data.text_length, config.model.vocabulary_size)
        self.trainable, self.weights_from = ("words",), {}
        self.batch_spec = base.batch_spec(config, {"caption": ("image", "text")})

    def init(self, key):
        return {"words": self.network.init(key, jnp.zeros((1, self.size, self.size, 3)))["params"]}

    def _logits(self, params, images):
        return self.network.apply({"params": params["words"]}, images / 255.0)

    def _loss(self, params, rows):
        wrong = losses.cross_entropy(self._logits(params, rows["image"]), rows["text"])
        return losses.masked_mean(wrong, rows["text"] > 0, axis=-1)

    def loss(self, params, batch, key, step, teacher):
        wrong = self._loss(params, batch["caption"])
        return wrong.mean(), {"loss": wrong.mean()}

    def caption(self, params, images, key):
        return self._logits(params, images).argmax(-1).astype(jnp.int32)

    def score(self, params, rows, key):
        said = self.caption(params, rows["image"], key)
        return {"loss": self._loss(params, rows), "caption": said}

    def published(self):
        return {"words": base.Published("words", "itit_jax", self.network)}

    def flops(self):
        return {}
'''

FILES = {
    "configs/mean_colour.py": CONFIG,
    "configs/mean_colour_tiny.py": EXPERIMENT,
    "itit_jax/models/mean_colour.py": NETWORK,
    "itit_jax/recipes/mean_colour.py": RECIPE,
}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A copy of the code with the new paper in it."""
    folder = tmp_path_factory.mktemp("house")
    for name in ("configs", "data_pipelines", "itit_jax"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(runs.ROOT / name, folder / name, ignore=ignored)
    for name, text in FILES.items():
        assert not (folder / name).exists()
        (folder / name).write_text(text.lstrip())
    return folder


@pytest.fixture(scope="module")
def run(house, easy):
    """Its trained workdir."""
    command(house, "itit_jax.main", "--config=configs/mean_colour_tiny.py",
            f"--workdir={house / 'run'}", f"--config.data.path={easy}")
    return house / "run"


def command(house, module, *arguments, code=0):
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)], cwd=house, text=True,
        capture_output=True, env=os.environ | {"PYTHONPATH": str(house), "XLA_FLAGS": ""},
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def picture(easy, file):
    from data_pipelines.records import Records

    file.write_bytes(Records(easy, "test")[0].image)
    return file


def test_it_trains_with_samples_and_scores(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3] and lines[2]["loss"] < lines[0]["loss"]
    assert (run / "samples" / "00000003.png").exists()
    assert "loss" in json.loads((run / "eval.json").read_text())["3"]["test"]


@pytest.mark.long
def test_the_run_and_its_export_caption_alike_and_do_not_draw(house, run, easy, tmp_path):
    x = picture(easy, tmp_path / "x.png")
    ask = lambda folder: command(house, "itit_jax.serve.cli", "caption", x, f"--workdir={folder}")
    told = ask(run)
    assert told.startswith(f"{x}: ")
    command(house, "itit_jax.main", "--mode=export", f"--workdir={run}", f"--out={house / 'out'}")
    assert ask(house / "out") == told
    card = (house / "out" / "README.md").read_text()
    assert "pipeline_tag: image-to-text" in card and "text-to-image" not in card
    assert "Captions a picture, with one model" in card and "a toy of the tests" in card
    refused = command(house, "itit_jax.serve.cli", "draw", "a red circle", f"--workdir={run}",
                      f"--out={tmp_path / 'y.png'}", code=2)
    assert "is a run of mean_colour, which cannot do this (Texts to pictures)" in refused


def test_its_keys_are_checked_like_all_others(house):
    refused = command(house, "itit_jax.main", "--config=configs/mean_colour_tiny.py",
                      "--workdir=w", "--config.data.rows.caption=0", code=2)
    assert "so nothing is captioned" in refused
    refused = command(house, "itit_jax.main", "--config=configs/mean_colour_tiny.py",
                      "--workdir=w", "--config.model.vocabulary_siz=9", code=2)
    assert "did you mean model.vocabulary_size?" in refused
