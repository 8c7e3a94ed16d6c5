"""Pictures are prepared as the settings beside published towers say, or these are refused."""

import shutil

import numpy as np
import pytest
from PIL import Image

from data_pipelines.errors import UserError
from itit_jax.towers import published as towers
from tests.towers.folders import CFG, GOLDEN, beside

PICTURE = np.random.default_rng(0).integers(0, 256, (20, 32, 3), np.uint8)


def squeezed(resample):
    return Image.fromarray(PICTURE).resize((8, 8), resample)


def cropped(resample):
    return Image.fromarray(PICTURE).resize((12, 8), resample).crop((2, 0, 10, 8))


@pytest.mark.parametrize("settings, want", [
    ({"interpolation": "bilinear", "resize_mode": "squash"}, squeezed(2)),
    ({"interpolation": "bilinear", "resize_mode": "shortest"}, cropped(2)),
    ({"interpolation": "bicubic", "resize_mode": "squash"}, squeezed(3)),
    ({}, cropped(3)),
])  # fmt: skip
def test_open_clip_says_how_pictures_are_prepared(settings, want, open_clip, tmp_path):
    settings = settings | {"mean": [0.1, 0.2, 0.3], "std": [1, 1, 2]}
    whole = {"model_cfg": CFG, "preprocess_cfg": settings}
    file = beside(tmp_path, open_clip, "open_clip_config.json", whole)
    pixels = towers.describe(file)[1].image.pixels
    assert pixels[:2] == ((0.1, 0.2, 0.3), (1, 1, 2))
    np.testing.assert_array_equal(towers.fit(PICTURE, 8, pixels), want)


@pytest.mark.parametrize("settings, want", [
    ({"resample": 2}, squeezed(2)),
    ({"do_center_crop": True, "size": {"shortest_edge": 16}, "crop_size": 16}, cropped(3)),
    ({"do_center_crop": True, "size": {"height": 16, "width": 16}}, squeezed(3)),
    ({"do_center_crop": True, "size": 16, "rescale_factor": 1 / 255}, cropped(3)),
    ({}, squeezed(3)),
])  # fmt: skip
def test_a_preprocessor_says_how_pictures_are_prepared(settings, want, tmp_path):
    shutil.copy(GOLDEN / "siglip_small" / "config.json", tmp_path)
    settings = settings | {"image_mean": [0.1, 0.2, 0.3], "image_std": [1, 1, 2]}
    source = GOLDEN / "siglip_small" / "model.safetensors"
    file = beside(tmp_path, source, "preprocessor_config.json", settings)
    pixels = towers.describe(file)[1].image.pixels
    assert pixels[:2] == ((0.1, 0.2, 0.3), (1, 1, 2))
    np.testing.assert_array_equal(towers.fit(PICTURE, 8, pixels), want)


@pytest.mark.parametrize("settings", [
    {"do_normalize": False}, {"do_rescale": False}, {"do_resize": False}, {"do_resize": 1},
    {"rescale_factor": 1 / 127.5}, {"size": 224}, {"size": {"shortest_edge": 16}},
    {"size": {"height": 16, "width": 15}}, {"size": {"longest_edge": 16}}, {"do_pad": True},
    {"do_center_crop": True, "crop_size": 224},
])  # fmt: skip
def test_another_way_to_prepare_pictures_is_refused(settings, tmp_path):
    shutil.copy(GOLDEN / "siglip_small" / "config.json", tmp_path)
    source = GOLDEN / "siglip_small" / "model.safetensors"
    with pytest.raises(UserError) as error:
        towers.describe(beside(tmp_path, source, "preprocessor_config.json", settings))
    assert "asks for " in str(error.value) and len(str(error.value).splitlines()) == 1
