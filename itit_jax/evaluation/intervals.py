"""Bootstrap intervals of means and ratios over independent items (percentile method)."""

from collections.abc import Callable

import numpy as np

BLOCK = 4_000_000  # resampled items held in memory at once


def bootstrap(
    values: np.ndarray,
    *,
    statistic: Callable[[np.ndarray], np.ndarray] | None = None,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """(estimate, low, high) over the items of `values`, which are resampled with replacement.

    `values` [n] gives the mean; [n, 2] of (numerator, denominator) gives the ratio of the sums,
    as F1 and other corpus scores are, and NaN where all denominators are 0; [n, k] with a
    `statistic` of sums [..., k] gives that. Equal seeds resample equally, so two systems measured
    on the same items share their draws.
    """
    statistic = statistic or _ratio
    values = np.asarray(values, np.float64)
    if len(values) == 0:
        raise ValueError("bootstrap needs at least one item")
    pairs = values if values.ndim == 2 else np.stack([values, np.ones_like(values)], axis=1)
    rng = np.random.default_rng(seed)
    block = max(1, BLOCK // len(pairs))
    sums = [
        pairs[rng.integers(len(pairs), size=(min(block, draws - start), len(pairs)))].sum(1)
        for start in range(0, draws, block)
    ]
    found = statistic(np.concatenate(sums))
    defined = found[np.isfinite(found)]
    tails = (1 - level) / 2
    low, high = np.quantile(defined, [tails, 1 - tails]) if len(defined) else (np.nan, np.nan)
    return float(statistic(pairs.sum(0))), float(low), float(high)


def _ratio(sums: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums[..., 0] / sums[..., 1]
