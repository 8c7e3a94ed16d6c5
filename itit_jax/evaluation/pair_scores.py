"""How well pictures fit their texts, by CLIP's or SigLIP's towers.

What is called CLIP score is several formulas of the cosine of a pair. The signature names the one,
and the towers, since scores of others cannot be compared.
"""

from typing import NamedTuple

import numpy as np

from data_pipelines.errors import UserError
from itit_jax.batches import batches_of
from itit_jax.evaluation.fidelity import checked
from itit_jax.evaluation.intervals import bootstrap, entry

VERSION = 2  # of the signature: raised when a score of the same pairs would change
CHUNK = 256  # pictures decoded at once


def cosines(image_features, text_features):
    """[n, d], [n, d] -> [n]: of each pair, in float64."""
    image = checked(image_features, "features of pictures")
    text = checked(text_features, "features of texts")
    lengths = np.linalg.norm(image, axis=1) * np.linalg.norm(text, axis=1)
    if not lengths.all():
        raise UserError("features of a picture or text are all 0; the towers are broken.")
    return (image * text).sum(1) / lengths


class Formula(NamedTuple):
    """Of a score: scale * cosine of each pair, no less than 0 where `floor` says so."""

    name: str  # as signatures tell it
    scale: float = 100.0
    floor: str = "pair"  # or the mean of all
    over: str = "picture"  # whose mean is the score: of each picture's pairs first, or of all pairs
    prompt: str = ""  # before each text


FORMULAS = {
    "pictures": Formula("100max(cos,0), mean over pictures of the mean of their texts"),
    "torchmetrics": Formula("max(mean over pairs of 100cos,0)", floor="mean", over="pair"),
    "hessel": Formula(
        "2.5max(cos,0) of 'A photo depicts TEXT', mean over pairs", 2.5, "pair", "pair",
        "A photo depicts ",
    ),
}  # fmt: skip


def similarity(image_features, text_features, formula=FORMULAS["pictures"]):
    """[n, d], [n, d] -> [n]: what the formula makes of each pair."""
    found = formula.scale * cosines(image_features, text_features)
    return np.maximum(found, 0.0) if formula.floor == "pair" else found


def score(towers, pictures, captions, formula="pictures"):
    """Score of n pictures, each a function () -> uint8 [h, w, 3], against n lists of captions.

    -> {"score", "low", "high", "items" [n], "signature"}. items: the mean of a picture's pairs; the
    interval resamples pictures.
    """
    formula, sums = FORMULAS[formula], []
    for rows, count in batches_of(zip(pictures, captions), CHUNK):
        seen = towers.image_features([picture() for picture, _ in rows[:count]])
        said = [formula.prompt + text for _, texts in rows[:count] for text in texts]
        counts = [len(texts) for _, texts in rows[:count]]
        pairs = similarity(np.repeat(seen, counts, axis=0), towers.text_features(said), formula)
        parts = np.split(pairs, np.cumsum(counts)[:-1])
        sums += [(part.sum(), len(part)) for part in parts]
    sums = np.array(sums, np.float64)
    means = sums[:, 0] / sums[:, 1]
    found = [*bootstrap(sums if formula.over == "pair" else means)]
    if formula.floor == "mean":
        found = [max(value, 0.0) for value in found]
    how = f"{formula.name}|tower:{towers.signature}|n:{len(means)}|v:{VERSION}"
    return entry(*found) | {"items": means.tolist(), "signature": f"clip_score:{how}"}
