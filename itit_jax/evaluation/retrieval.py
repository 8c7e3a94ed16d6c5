"""Recall of pictures by their texts and of texts by their pictures, from vectors of one space.

A find is right if it is the own one of the pair or one of the same: of two equal texts no picture
could tell which was meant.
"""

import numpy as np

from itit_jax.evaluation.intervals import bootstrap

DEPTHS = (1, 5, 10)
CHUNK = 1024  # queries that are compared at once


def recall(queries, found, same):
    """Vectors [n, d] of unit length, of queries and of what they should find -> {k: 0 or 1 of each
    query [n]}.

    k counts places of the ranking by cosine; of equal cosines the wrong ones come first. same:
    lists of ids [n]; two pairs are the same if one of the lists gives them one id.
    """
    ranks = []
    for i in range(0, len(queries), CHUNK):
        rows = slice(i, i + CHUNK)
        right = np.any([ids[rows, None] == ids for ids in same], axis=0)
        ranks.append(_rank(queries[rows] @ found.T, right))
    ranks = np.concatenate(ranks)
    return {k: (ranks < k).astype(np.float64) for k in DEPTHS}


def _rank(cosines, right):
    """Wrong finds before the best right one: [q, n] each -> [q]."""
    best = np.where(right, cosines, -np.inf).max(axis=1, keepdims=True)
    return np.sum((cosines >= best) & ~right, axis=1)


def score(images, texts, same, groups=None):
    """Both ways -> {"i2t_recall_1": (share, low, high), ...}; the interval resamples queries, those
    of one of the `groups` [n] together."""
    ways = {"i2t": (images, texts), "t2i": (texts, images)}
    return {
        f"{way}_recall_{k}": bootstrap(hits, groups=groups)
        for way, (queries, found) in ways.items()
        for k, hits in recall(queries, found, same).items()
    }


def ids(rows):
    """Arrays [n, ...] -> int [n], equal where the rows are equal."""
    flat = np.ascontiguousarray(rows).reshape(len(rows), -1)
    return np.unique(flat, axis=0, return_inverse=True)[1].reshape(-1)
