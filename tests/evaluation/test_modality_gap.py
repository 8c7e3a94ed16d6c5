"""Vectors with a gap, noise and dimensions that are known: the measures give them back."""

import numpy as np
import pytest

from itit_jax.evaluation import modality_gap

N, WIDTH, GAP = 2000, 32, 0.8


def pairs(deviations, n=N):
    """Pictures in the first 16 directions, the gap along the last; noise of these deviations."""
    rng = np.random.default_rng(0)
    images = np.zeros((n, WIDTH))
    images[:, :16] = rng.normal(0, 0.25, (n, 16))
    gap = GAP * np.eye(WIDTH)[-1]
    return images, images - gap - rng.normal(size=(n, WIDTH)) * deviations


@pytest.fixture(scope="module")
def even():
    return modality_gap.measure(modality_gap.look(*pairs(np.full(WIDTH, 0.05))))


def test_the_gap_has_its_length_in_every_group(even):
    # The mean of 100 pairs has noise of length 0.05 sqrt(32 / 100) = 0.028.
    length, spread = even["gap"]["length"]
    assert even["gap"]["pairs_of_a_group"] == 100
    assert abs(length - GAP) < 0.003 and spread < 0.01
    cosine, spread = even["gap"]["cosine_between_groups"]
    assert 0.9975 < cosine < 1 and spread < 0.001


def test_the_gap_is_orthogonal_to_what_pictures_differ_by_and_noise_leans_as_it_is_large(even):
    mean, spread = even["gap"]["cosine_to_differences"]["image"]
    assert abs(mean) < 0.001 and spread < 0.01
    # Texts differ by sqrt(16) 0.25 sqrt 2 = 1.41, of which 0.05 sqrt 2 along the gap.
    mean, spread = even["gap"]["cosine_to_differences"]["text"]
    assert abs(mean) < 5 * 0.05 / N**0.5 and spread == pytest.approx(0.05, rel=0.1)


def test_even_noise_has_its_size_no_mean_and_no_direction(even):
    noise = even["noise"]
    assert noise["deviation"] == pytest.approx(0.05, rel=0.02)
    assert noise["isotropy"] == pytest.approx(1, abs=0.02)
    assert noise["mean"]["length"] == pytest.approx(noise["mean"]["by_sampling"], rel=0.4)
    mean, spread = noise["cosine"]
    assert abs(mean) < 0.002 and spread == pytest.approx(WIDTH**-0.5, rel=0.02)


def test_noise_of_some_directions_is_told_from_even_noise():
    deviations = np.where(np.arange(WIDTH) < 8, 0.1, 0.01)
    noise = modality_gap.measure(modality_gap.look(*pairs(deviations)))["noise"]
    variances = deviations**2
    told = variances.sum() ** 2 / (variances**2).sum() / WIDTH
    assert noise["isotropy"] == pytest.approx(told, rel=0.03)


def test_noise_with_a_drift_has_a_mean_that_sampling_does_not_explain():
    images, texts = pairs(np.full(WIDTH, 0.05))
    texts[::2] += 0.1 * np.eye(WIDTH)[3]  # every other pair
    mean = modality_gap.measure(modality_gap.look(images, texts))["noise"]["mean"]
    assert mean["length"] == pytest.approx(0.1, rel=0.15) and mean["by_sampling"] < 0.02


def test_a_modality_has_the_dimensions_that_it_varies_in(even):
    assert even["image"]["dimensions"] == 16
    assert even["image"]["participation"] == pytest.approx(16, abs=0.4)
    assert even["text"]["mean_length"] == pytest.approx(GAP, abs=0.03)


@pytest.mark.parametrize("rows", [40, 200])
def test_few_rows_do_not_make_even_variances_look_uneven(rows):
    found = [
        modality_gap.participation(
            np.linalg.eigvalsh(np.cov(np.random.default_rng(seed).normal(size=(rows, 60)).T)), rows
        )
        for seed in range(20)
    ]
    assert np.mean(found) == pytest.approx(60, rel=0.1)


def test_a_space_where_all_is_one_point_is_measured_as_such():
    points = np.ones((20, 4)) / 2
    found = modality_gap.measure(modality_gap.look(points, points))
    assert found["gap"]["length"] == [0, 0] and found["noise"]["isotropy"] is None
    assert found["image"]["participation"] is None
