"""Intervals of means, ratios and shares over independent items.

Bootstrap (percentile method); of shares Wilson's (1927), as resampling what is all right or all
wrong shows no doubt. Of a single item there is none.
"""

import math
import statistics
from collections.abc import Callable, Sequence

import numpy as np

BLOCK = 4_000_000  # resampled items held in memory at once


def bootstrap(
    values: np.ndarray,
    *,
    groups: Sequence | None = None,
    statistic: Callable[[np.ndarray], np.ndarray] | None = None,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """(estimate, low, high) over the items of `values`, which are resampled with replacement.

    `values` [n] gives the mean; [n, 2] of (numerator, denominator) gives the ratio of the sums,
    as F1 and other corpus scores are, and NaN where all denominators are 0; [n, k] with a
    `statistic` of sums [..., k] gives that. groups [n]: equal for items that are no independent
    evidence, such as pictures of one scene, which are resampled together. NaN ends: there is no
    interval. Equal seeds resample equally, so two systems measured on the same items share their
    draws.
    """
    values = np.asarray(values, np.float64)
    if len(values) == 0:
        raise ValueError("bootstrap needs at least one item")
    if groups is not None:
        values = _by_group(values, groups)
    if not statistic and values.ndim == 1 and np.isin(values, (0, 1)).all():
        return float(values.mean()), *wilson(values.mean(), len(values), level)
    share, statistic = not statistic and _within(values), statistic or _ratio
    pairs = values if values.ndim == 2 else np.stack([values, np.ones_like(values)], axis=1)
    rng = np.random.default_rng(seed)
    block = max(1, BLOCK // len(pairs))
    sums = [
        pairs[rng.integers(len(pairs), size=(min(block, draws - start), len(pairs)))].sum(1)
        for start in range(0, draws, block)
    ]
    found = statistic(np.concatenate(sums))
    defined = found[np.isfinite(found)]
    tails, estimate = (1 - level) / 2, float(statistic(pairs.sum(0)))
    if len(defined) == 0 or len(pairs) == 1:
        return estimate, math.nan, math.nan
    low, high = np.quantile(defined, [tails, 1 - tails])
    if share and low == high and estimate in (0, 1):
        low, high = wilson(estimate, len(pairs), level)
    return estimate, float(low), float(high)


def _by_group(values, groups):
    """[n] or [n, k] -> [groups, k], added up; as they are where each is of its own group."""
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    if group.max() + 1 == len(values):
        return values
    rows = values if values.ndim == 2 else np.stack([values, np.ones_like(values)], axis=1)
    sums = np.zeros((group.max() + 1, rows.shape[1]))
    np.add.at(sums, group, rows)
    return sums


def wilson(share, count, level=0.95):
    """(low, high) of a share of `count` items; NaN of a single one."""
    if count == 1:
        return math.nan, math.nan
    z = statistics.NormalDist().inv_cdf((1 + level) / 2)
    middle = share + z**2 / (2 * count)
    width = z * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    low, high = ((middle + side * width) / (1 + z**2 / count) for side in (-1, 1))
    return float(max(low, 0.0)) if share else 0.0, float(min(high, 1.0)) if share < 1 else 1.0


def entry(estimate, low, high):
    """{"score", "low", "high"}, without ends that there are none of."""
    ends = {} if math.isnan(low) else {"low": low, "high": high}
    return {"score": estimate} | ends


def _within(values):
    """Whether rows (numerator, denominator) are parts of wholes."""
    return values.ndim == 2 and bool(((values[:, 0] >= 0) & (values[:, 0] <= values[:, 1])).all())


def _ratio(sums: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums[..., 0] / sums[..., 1]
