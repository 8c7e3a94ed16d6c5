"""How pictures are brought to Inception's size; its outputs are compared in tests/weights."""

import numpy as np
import pytest

from itit_jax.models import inception


def test_half_pixel_centres_are_those_of_a_picture_that_doubles():
    # Centres of 4 output pixels lie at -0.25, 0.25, 0.75 and 1.25 of 2 input pixels.
    found = inception.bilinear("pytorchfid", 2, 4) @ np.array([0.0, 8.0])
    np.testing.assert_allclose(found, [0, 2, 6, 8])


def test_tf1_samples_from_the_corner_and_repeats_the_last_pixel():
    found = inception.bilinear("tf1", 2, 4) @ np.array([0.0, 8.0])
    np.testing.assert_allclose(found, [0, 4, 8, 8])


@pytest.mark.parametrize("variant", inception.POSITIONS)
@pytest.mark.parametrize("size", [1, 7, 299, 500])
def test_every_sample_is_a_mean_of_the_source(variant, size):
    weights = inception.bilinear(variant, size)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)
    assert weights.min() >= 0


def test_white_and_black_are_the_ends_of_each_variants_scale():
    scale = lambda variant, value: inception.prepare(variant, np.full((8, 5, 3), value, np.uint8))
    for variant, black, white in (("pytorchfid", -1, 1), ("tf1", -1, 127 / 128)):
        np.testing.assert_allclose(scale(variant, 0), black, atol=1e-6)
        np.testing.assert_allclose(scale(variant, 255), white, atol=1e-6)
        assert scale(variant, 0).shape == (299, 299, 3)
