"""C3's condition on known vectors, and how much noise it adds."""

import jax
import numpy as np
import pytest

from itit_jax.models import condition


def test_the_four_steps_by_hand():
    vectors = np.array([[3.0, 4.0], [0.0, 2.0]])
    mean = np.array([0.2, 0.3])
    # [3, 4] / 5 = [0.6, 0.8]; - mean = [0.4, 0.5]; + [0, 0.1] = [0.4, 0.6]; / |.| = sqrt 0.52
    # [0, 2] / 2 = [0, 1];     - mean = [-0.2, 0.7]; + [0, 0.1] = [-0.2, 0.8]; sqrt 0.68
    expected = [[0.4 / 0.52**0.5, 0.6 / 0.52**0.5], [-0.2 / 0.68**0.5, 0.8 / 0.68**0.5]]
    found = condition.condition(vectors, mean, lambda x: x + np.array([0, 0.1]))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_without_mean_and_noise_only_the_length_goes():
    found = condition.condition(np.array([[3.0, 4.0]]))
    np.testing.assert_allclose(found, [[0.6, 0.8]], rtol=1e-6)


@pytest.mark.parametrize("width", [64, 512])
def test_gaussian_noise_has_the_energy_of_the_paper_at_any_width(width):
    x = np.zeros((4096, width), np.float32)
    noise = np.asarray(condition.gaussian(jax.random.key(0), 0.016 * 512)(x))
    energy = np.sum(noise**2, axis=1)
    assert np.isclose(energy.mean(), 8.192, rtol=0.02)
    if width == 512:  # the paper's 0.1265 a coordinate
        assert np.isclose(noise.std(), 0.1265, rtol=0.01)


def test_noise_of_lafite_has_its_share_of_a_length():
    x = np.eye(32, dtype=np.float32)
    found = np.asarray(condition.lafite(jax.random.key(0), 0.75)(x))
    np.testing.assert_allclose(np.linalg.norm(found - 0.25 * x, axis=1), 0.75, rtol=1e-5)


def test_two_keys_give_two_noises():
    x = np.zeros((1, 8), np.float32)
    first, second = (condition.gaussian(jax.random.key(i), 1.0)(x) for i in range(2))
    assert not np.array_equal(first, second)
