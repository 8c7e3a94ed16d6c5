"""Several drawings of a text, ordered by what a judge thinks of them."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from itit_jax.sheets import draw_sheet
from itit_jax.towers import judge


class Ranked(NamedTuple):
    """All drawings of one text. Of equal ones the first that was drawn stands first."""

    pictures: list[Image.Image]  # best first
    cosines: list[float]  # of each with its text, in the space of the judge
    judge: str  # its signature

    def sheet(self):
        """PIL picture of all of them."""
        told = [f"{cosine:.4f}" for cosine in self.cosines]
        return draw_sheet({"drawn": list(map(np.asarray, self.pictures))}, {"cosine": told})

    def __str__(self):
        count, best, worst = len(self.cosines), self.cosines[0], self.cosines[-1]
        among = f", best of {count} (worst {worst:.4f})" if count > 1 else ""
        return f"cosine {best:.4f}{among} by {self.judge}"


def rank(towers, turns, texts) -> list[Ranked]:
    """k lists of n PIL pictures, one of each of n texts -> all k of each text."""
    found = judge.cosines(towers, [list(map(np.asarray, turn)) for turn in turns], texts)
    order = np.argsort(-found, axis=0, kind="stable")
    return [
        Ranked([turns[k][i] for k in order[:, i]], found[order[:, i], i].tolist(), towers.signature)
        for i in range(len(texts))
    ]
