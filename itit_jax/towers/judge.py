"""A judge: towers that say which of several drawings of a text fits it best, as DALL-E and
ERNIE-ViLG choose among many (papers.md 3.5).

A judge may be of any picture size: it brings drawings to its own, as in every score of its pairs.
"""

import numbers

import numpy as np

from data_pipelines.errors import UserError
from itit_jax.evaluation import pair_scores


def check(best_of, judge):
    """UserError if there is nothing to draw, or nobody to choose."""
    if not isinstance(best_of, numbers.Integral) or best_of < 1:
        raise UserError(f"best_of is {best_of}; draw at least 1.")
    if best_of > 1 and not judge:
        raise UserError(
            f"best_of is {best_of}, but nobody chooses among them; give a judge (--judge=DIR), "
            "a run of configs/towers_tiny.py or published weights of CLIP or SigLIP."
        )


def cosines(towers, turns, texts):
    """k lists of n drawings uint8 [h, w, 3], one of each of n texts -> float64 [k, n]: how well
    each fits its text."""
    said = towers.text_features(texts)
    return np.stack([pair_scores.cosines(towers.image_features(turn), said) for turn in turns])
