"""Extractors: padding and devices change nothing, and what they are called tells them apart."""

import json
import pathlib

import jax
import numpy as np
import pytest
from safetensors.numpy import save_file

from configs import defaults
from data_pipelines.errors import UserError
from itit_jax.evaluation import features
from itit_jax.towers.published import load_towers
from tests.evaluation import toy
from tests.weights import seeded

GOLDEN = pathlib.Path(__file__).parents[1] / "weights" / "golden"


def test_batches_of_one_shape_give_every_picture_its_own_features(monkeypatch):
    pictures = np.random.default_rng(0).integers(0, 256, (11, 6, 6, 3)).astype(np.uint8)
    shapes = []
    extractor = features.Extractor(
        "toy", toy.EXTRACTOR.prepare, lambda rows: shapes.append(rows) or toy.apply(rows)
    )
    monkeypatch.setattr(features, "BATCH", 3)  # of 8 devices: 8 a call
    found = list(extractor(iter(pictures)))
    assert [len(f) for f, _ in found] == [len(p) for _, p in found] == [8, 3]
    assert {rows.shape for rows in shapes} == {(8, 2, 2, 3)}
    assert all(len(rows.sharding.device_set) == len(jax.devices()) for rows in shapes)
    alone = [toy.apply(toy.EXTRACTOR.prepare(x)[None])[0][0] for x in pictures]
    np.testing.assert_allclose(np.concatenate([f for f, _ in found]), alone, rtol=1e-6)


@pytest.mark.long
def test_inception_of_a_file_gives_the_features_of_the_reference(tmp_path, monkeypatch):
    golden = np.load(GOLDEN / "inception_tf1_1.npz")
    shapes = json.loads((GOLDEN / "inception_tensors.json").read_text())
    save_file(seeded.tensors(shapes, int(golden["seed"])), tmp_path / "x.safetensors")
    one = jax.local_devices()[:1]
    monkeypatch.setattr(features.jax, "local_devices", lambda: one)
    monkeypatch.setattr(features, "BATCH", 1)
    extractor = features.find(f"inception-tf1:{tmp_path / 'x.safetensors'}")
    pictures = seeded.pictures(golden["shape"], int(golden["seed"]))
    ((found, probabilities),) = extractor(pictures)
    np.testing.assert_allclose(found, golden["features"], atol=1e-5 * golden["features"].max())
    odds = np.exp(golden["logits"] - golden["logits"].max())
    np.testing.assert_allclose(probabilities, odds / odds.sum(), rtol=1e-3, atol=1e-6)
    assert extractor.name.startswith("inception-tf1|resize:tf1bilinear299|weights:")


def test_a_tower_gives_the_features_that_it_gives_alone():
    pictures = np.random.default_rng(0).integers(0, 256, (5, 20, 30, 3)).astype(np.uint8)
    towers = load_towers(GOLDEN / "siglip_small")
    extractor = features.find(f"tower:{GOLDEN / 'siglip_small'}")
    found = np.concatenate([f for f, _ in extractor(iter(pictures))])
    np.testing.assert_allclose(found, towers.image_features(pictures), rtol=1e-5, atol=1e-5)
    assert extractor.name == f"tower:{towers.signature}"


def test_a_classifier_run_names_its_size_and_weights(classifier):
    extractor = features.find(f"scenes:{classifier}")
    assert extractor.name.startswith("scenes|resize:lanczos32|weights:")
    pictures = np.random.default_rng(0).integers(0, 256, (3, 40, 50, 3)).astype(np.uint8)
    ((found, probabilities),) = extractor(pictures)
    assert found.shape == (3, 64) and probabilities is None
    np.testing.assert_allclose(found[1], next(iter(extractor(pictures[1:])))[0][0], atol=1e-5)


def test_the_config_knows_every_kind():
    assert tuple(features.KINDS) == defaults.FEATURES


def test_an_extractor_is_made_once_however_often_it_is_asked_for(monkeypatch):
    made = []
    monkeypatch.setitem(features.KINDS, "counted", lambda path: made.append(path) or toy.EXTRACTOR)
    for path in ("one", "one", "other", "one"):
        features.find(f"counted:{path}")
    assert made == ["one", "other"]


@pytest.mark.parametrize(
    "spec, sentence",
    [
        ("inception", "names no features; give one of inception:PATH"),
        ("vgg:x.pt", "names no features"),
        ("inception:nowhere.pth", "nowhere.pth do not exist"),
        ("scenes:nowhere", "nowhere does not exist; check the path"),
    ],
)
def test_wrong_specs_are_one_sentence(spec, sentence):
    with pytest.raises(UserError, match=sentence):
        features.find(spec)


def test_a_run_of_another_recipe_is_refused(tokenizer):
    with pytest.raises(UserError, match="is a run of vq, which has no features; give the workdir"):
        features.find(f"scenes:{tokenizer}")
