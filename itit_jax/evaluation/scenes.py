"""Scores of scenes: objects that were read from captions or pictures against the true ones.

An object is a tuple (place, shape, colour, size) and is right only if all four agree. A reading
is a sequence of objects; an object that is read twice counts twice as predicted, so repetition
costs precision.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from itit_jax.evaluation.intervals import bootstrap

Reading = Sequence[tuple]

FIELDS = ("place", "shape", "colour", "size")


def counts(predicted: Sequence[Reading], true: Sequence[Reading]) -> np.ndarray:
    """int64 [n, 3]: objects that are right, predicted and true, of every item."""
    rows = [
        ((Counter(read) & Counter(truth)).total(), len(read), len(truth))
        for read, truth in zip(predicted, true, strict=True)
    ]
    return np.array(rows, np.int64).reshape(-1, 3)


def score(
    predicted: Sequence[Reading], true: Sequence[Reading], *, seed: int = 0
) -> dict[str, float]:
    """Corpus F1 and the share of items that are wholly right, with 95 % intervals, and n.

    The intervals resample scenes: items that show the same scene are no independent evidence.
    """
    right, read, truth = counts(predicted, true).T
    whole = (right == read) & (right == truth)
    numbers: dict[tuple, int] = {}
    scene = [numbers.setdefault(tuple(sorted(objects)), len(numbers)) for objects in true]
    found = np.stack([2 * right, read + truth], axis=1)
    f1, f1_low, f1_high = bootstrap(found, groups=scene, seed=seed)
    all_right = np.stack([whole, np.ones_like(whole)], axis=1)
    exact, exact_low, exact_high = bootstrap(all_right, groups=scene, seed=seed)
    return {
        "f1": f1,
        "f1_low": f1_low,
        "f1_high": f1_high,
        "exact": exact,
        "exact_low": exact_low,
        "exact_high": exact_high,
        "n": len(right),
    }


def attributes(predicted: Sequence[Reading], true: Sequence[Reading]) -> dict[str, float]:
    """Share of the true objects at whose place something was read, and read with that attribute.

    A help for seeing what a model gets wrong; `score` is the result.
    """
    columns = {name: (0, index) for index, name in enumerate(FIELDS)}  # the place and one more
    total = max(1, sum(map(len, true)))
    return {
        name: sum(_shared(p, t, fields) for p, t in zip(predicted, true, strict=True)) / total
        for name, fields in columns.items()
    }


def _shared(predicted: Reading, true: Reading, fields: tuple[int, ...]) -> int:
    read, truth = (Counter(tuple(o[i] for i in fields) for o in side) for side in (predicted, true))
    return (read & truth).total()
