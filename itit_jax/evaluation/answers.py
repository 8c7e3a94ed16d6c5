"""How many answers are exactly right, over all questions and by kind.

An answer is right if it is one of those given to its question, but for case, spaces and a full
stop.
"""

import collections
from collections.abc import Sequence

import numpy as np

from itit_jax.evaluation.intervals import bootstrap


def right(said: Sequence[str], asked: Sequence, of: Sequence[int]) -> np.ndarray:
    """0 or 1 [n] of each answer. asked: (question, answer, kind) of each; of: which picture it is
    about, since a question that stands there again has each of its answers."""
    answers = collections.defaultdict(set)
    for picture, (question, answer, _) in zip(of, asked, strict=True):
        answers[picture, question].add(_plain(answer))
    rows = zip(said, asked, of, strict=True)
    return np.array([float(_plain(text) in answers[i, each[0]]) for text, each, i in rows])


def score(said, asked, of, groups) -> dict[str, tuple[float, float, float]]:
    """{"exact": (share, low, high), "KIND_exact": ...} with 95 % intervals.

    groups [pictures]: equal for pictures that are no independent evidence, such as those of one
    scene; the intervals resample groups.
    """
    hits, kinds = right(said, asked, of), np.array([kind for _, _, kind in asked])
    group = np.asarray(groups)[np.asarray(of)]
    once = _first(zip(of, (question for question, _, _ in asked)))
    parts = {"exact": once} | {f"{k}_exact": once & (kinds == k) for k in sorted(set(kinds[once]))}
    interval = lambda of_it: bootstrap(hits[of_it], groups=group[of_it])
    return {name: interval(of_it) for name, of_it in parts.items()}


def _first(rows) -> np.ndarray:
    """Whether each row is the first of its like: a question counts once, however many answers."""
    seen = set()
    return np.array([not (row in seen or seen.add(row)) for row in rows])


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).removesuffix(".")
