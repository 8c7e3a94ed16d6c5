"""Spaces of one temperature each, and the page of what was found in them."""

import json
import pathlib

from PIL import Image

from benchmarks import temperature
from itit_jax import config as settings
from tests.benchmarks import finished


def test_spaces_differ_in_their_temperature_alone():
    named = dict(temperature.commands(pathlib.Path("w")))
    flat = [
        settings.flat(finished.config_of(named[f"temperature_{t}"], settings))
        for t in temperature.TEMPERATURES
    ]
    assert [one["loss.temperature"] for one in flat] == list(temperature.TEMPERATURES)
    differing = {key for one in flat for key in one if one[key] != flat[0][key]}
    assert differing == {"loss.temperature"}
    assert min(temperature.TEMPERATURES) >= 1 / 100  # InfoNCE multiplies by 100 at most


def test_what_is_finished_is_told_and_drawn(tmp_path):
    run = {"temperature_0.05": {"test": {"i2t_recall_1": 0.75}}}
    looked = ["temperature_0.05_geometry"]
    study = finished.study(tmp_path, temperature.commands(tmp_path), run, looked)
    geometry = {
        "gap": {"length": [0.5, 0.1]}, "noise": {"deviation": 0.1}, "width": 16,
        "cosine_of_pairs": [0.6, 0], "cosine_of_others": [0.1, 0],
    }  # fmt: skip
    (tmp_path / looked[0]).mkdir()
    (tmp_path / looked[0] / "geometry.json").write_text(json.dumps(geometry))
    found = temperature.gather(study)
    assert "| 0.05 | 0.500 | 0.400 | 0.600 | 0.100 | 0.750 |" in temperature.page(found)
    temperature.plot(tmp_path / "x.png", found)
    assert Image.open(tmp_path / "x.png").size == (600, 400)
