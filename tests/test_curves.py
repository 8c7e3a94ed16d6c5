"""curves.png: one panel a loss and a score, few points each, whatever the run left."""

import io

import numpy as np
import pytest
from PIL import Image

from itit_jax import curves

METRICS = [{"step": s, "loss": float(s), "grad_norm": 1.0} for s in range(1, 451)]
METRICS[-1]["draw"] = 3.0
SCORES = {
    "0": {"test": {"f1": 0.1, "signature": "x"}},
    "400": {"test": {"f1": 0.5, "caption_bleu_4": 0.2, "refs": 3}, "validation": {"f1": 0.4}},
}


def test_a_loss_is_at_most_so_many_means_of_neighbouring_steps():
    panels = curves._losses(METRICS)
    assert panels.keys() == {"loss", "draw"}
    steps, values = map(np.array, panels["loss"]["training"])
    assert len(steps) == curves.POINTS and np.array_equal(steps, values)  # a mean of equals
    assert (np.diff(steps) > 0).all() and steps[0] < 3 and steps[-1] > 448
    assert panels["draw"]["training"] == ((450,), (3,))


def test_a_last_step_that_was_skipped_hides_no_loss():
    panels = curves._losses([*METRICS, {"step": 451, "skipped": 1.0}])
    assert panels.keys() == {"loss", "draw"}


def test_scores_stand_at_their_steps_split_by_split():
    assert curves._scores(SCORES) == {
        "f1 (held out)": {"test": ([0, 400], [0.1, 0.5]), "validation": ([400], [0.4])},
        "caption_bleu_4 (held out)": {"test": ([400], [0.2])},
    }


@pytest.mark.parametrize(
    "metrics, scores, rows",
    [
        ([], {}, 1),
        (METRICS, {}, 1),
        (METRICS, SCORES, 2),
        ([{"step": 1, "loss": float("nan")}], {}, 1),
    ],
)
def test_every_run_has_a_picture_of_three_panels_a_row(metrics, scores, rows):
    picture = Image.open(io.BytesIO(curves.draw(metrics, scores)))
    assert picture.format == "PNG" and picture.size == (1200, 260 * rows)
    shades = np.asarray(picture.convert("L"))
    assert (shades.min() < 128) == bool(metrics)  # something is drawn where something is known
