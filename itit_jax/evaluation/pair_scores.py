"""How well pictures fit their texts, by CLIP's or SigLIP's towers.

The score of a pair is 100 max(cos, 0), as torchmetrics scales it (Hessel et al. 2021:
2.5 max(cos, 0)); the signature names the towers, since scores of others cannot be compared.
"""

import numpy as np

from itit_jax.batches import batches_of
from itit_jax.evaluation.intervals import bootstrap

VERSION = 1  # of the signature: raised when a score of the same pairs would change
SCALE = 100.0
CHUNK = 256  # pictures decoded at once


def cosines(image_features, text_features):
    """[n, d], [n, d] -> [n]: of each pair, in float64."""
    image, text = (np.asarray(x, np.float64) for x in (image_features, text_features))
    lengths = np.linalg.norm(image, axis=1) * np.linalg.norm(text, axis=1)
    return (image * text).sum(1) / lengths


def similarity(image_features, text_features):
    """[n, d], [n, d] -> [n]: 100 max(cos, 0) of each pair."""
    return SCALE * np.maximum(cosines(image_features, text_features), 0.0)


def score(towers, pictures, captions):
    """Score of n pictures, each a function () -> uint8 [h, w, 3], against n lists of captions.

    -> {"score", "low", "high", "items" [n], "signature"}. A picture of several captions counts
    once, by the mean of its pairs; the interval resamples pictures.
    """
    items = []
    for rows, count in batches_of(zip(pictures, captions), CHUNK):
        seen = towers.image_features([picture() for picture, _ in rows[:count]])
        said = towers.text_features([text for _, texts in rows[:count] for text in texts])
        counts = [len(texts) for _, texts in rows[:count]]
        pairs = similarity(np.repeat(seen, counts, axis=0), said)
        items += [float(part.mean()) for part in np.split(pairs, np.cumsum(counts)[:-1])]
    estimate, low, high = bootstrap(np.array(items))
    signature = f"clip_score:100max(cos,0)|tower:{towers.signature}|n:{len(items)}|v:{VERSION}"
    return {"score": estimate, "low": low, "high": high, "items": items, "signature": signature}
