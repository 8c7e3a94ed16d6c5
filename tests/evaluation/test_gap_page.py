"""The page of plots: what is drawn is what was measured."""

import numpy as np
import pytest

from itit_jax.evaluation import gap_page, modality_gap


@pytest.fixture
def found():
    rng = np.random.default_rng(0)
    return modality_gap.look(rng.normal(size=(40, 8)), rng.normal(size=(40, 8)) + 3)


def axes(figure):
    return {axes.get_title(): axes for axes in figure.axes}


def test_the_curve_of_training_is_the_length_of_the_gap_at_every_step(found):
    measured = modality_gap.measure(found)
    drawn = axes(gap_page.page(found, {0: measured, 9: measured}, "x"))["along training"]
    lines = {line.get_label(): line.get_xydata() for line in drawn.lines}
    length = measured["gap"]["length"][0]
    np.testing.assert_allclose(lines["length of the gap"], [[0, length], [9, length]])
    assert drawn.get_visible()


def test_without_training_there_is_no_such_plot_and_all_others_are_there(found):
    drawn = axes(gap_page.page(found, {}, "x"))
    assert not drawn["along training"].get_visible()
    assert len(drawn) == 6 and drawn["cosines"].patches and drawn["cosines of the gap"].patches
    np.testing.assert_allclose(
        drawn["variance of each direction"].lines[2].get_ydata(), found.spectra["noise"]
    )


def test_along_the_gap_both_modalities_lie_its_length_apart(found):
    places = axes(gap_page.page(found, {}, "x"))["pictures and texts"].collections
    images, texts = (points.get_offsets()[:, 0].mean() for points in places)
    assert images - texts == pytest.approx(np.linalg.norm(found.gap))
