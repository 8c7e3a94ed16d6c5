"""Distances between two sets of image features, and the Inception Score. All in float64.

Features are [n, d] arrays, real ones first where it matters. Nothing here knows where they came
from: the same numbers from another extractor are another measure, so its name belongs beside them.
"""

import dataclasses

import numpy as np

from data_pipelines.errors import UserError

BLOCK = 2048  # rows of a distance matrix held in memory at once


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Mean [d] and covariance [d, d] (divided by n - 1) of features."""

    mean: np.ndarray
    covariance: np.ndarray

    @staticmethod
    def of(features):
        """Of features [n, d]."""
        features = checked(features)
        mean = features.mean(0)
        centred = features - mean
        return Statistics(mean, centred.T @ centred / (len(features) - 1))


class Running:
    """Statistics of features that come in parts; no more than BLOCK of them are kept."""

    def __init__(self):
        self.count, self._waiting = 0, []
        self._taken, self._mean, self._scatter = 0, 0.0, 0.0

    def add(self, features):
        """Take in features [n, d]."""
        self._waiting.append(checked(features))
        self.count += len(features)
        if self.count - self._taken >= BLOCK:  # large products are much faster than many small
            self._take()

    def _take(self):
        features, self._waiting = np.concatenate(self._waiting), []
        mean = features.mean(0)
        step, share = mean - self._mean, len(features) / self.count
        # What this part scatters about its own mean, and that mean about the one of the others
        # (Chan 1979), as one more row.
        rows = np.vstack([features - mean, step * np.sqrt(self._taken * share)])
        self._scatter += rows.T @ rows
        self._mean = self._mean + step * share
        self._taken = self.count

    def statistics(self):
        """Of all features so far."""
        if self._waiting:
            self._take()
        return Statistics(self._mean, self._scatter / (self.count - 1))


def checked(features, name="features"):
    """Rows [n, d] as float64; UserError where one of them is no number."""
    features = np.asarray(features, np.float64)
    bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(bad):
        raise UserError(
            f"{len(bad):,} of {len(features):,} {name} hold NaN or Inf, first row {bad[0]}; the "
            "network or its pictures are broken, and no distance is told."
        )
    return features


def frechet_distance(real: Statistics, fake: Statistics) -> float:
    """FID: |m1 - m2|^2 + tr S1 + tr S2 - 2 tr((S1 S2)^(1/2)) (Heusel et al. 2017, section 2), of
    means [d] and covariances [d, d].

    With S = R R^T the last trace is the sum of the singular values of R1^T R2. Unlike the matrix
    root of S1 S2 this needs no small imaginary parts to be thrown away, and covariances of too
    few samples lose only the rounding of their own eigenvalues.
    """
    difference = real.mean - fake.mean
    cross = _root(real.covariance).T @ _root(fake.covariance)
    trace = np.linalg.svd(cross, compute_uv=False).sum()
    total = np.trace(real.covariance) + np.trace(fake.covariance)
    return max(0.0, float(difference @ difference + total - 2 * trace))  # rounding may go below


def _root(covariance):
    """R with R R^T = covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0.0))


def kernel_distance(real, fake, unbiased=True) -> float:
    """KID: squared MMD with the kernel (x.y / d + 1)^3 over the whole sets (Binkowski et al. 2018).

    real [n, d], fake [m, d]. The unbiased estimate leaves out the diagonals and may be negative.
    """
    real, fake = checked(real, "real features"), checked(fake, "fake features")
    within = [_kernel_mean(x, x, diagonal=not unbiased) for x in (real, fake)]
    return float(sum(within) - 2 * _kernel_mean(real, fake, diagonal=True))


def _kernel_mean(x, y, *, diagonal):
    total = 0.0
    for start in range(0, len(x), BLOCK):
        kernel = (x[start : start + BLOCK] @ y.T / x.shape[1] + 1) ** 3
        if not diagonal:
            rows = np.arange(len(kernel))
            kernel[rows, start + rows] = 0.0
        total += kernel.sum()
    return total / (len(x) * (len(y) - (not diagonal)))


def inception_score(probabilities, splits=1) -> tuple[float, float]:
    """Mean and population deviation over consecutive splits of exp(mean KL(p(y|x) || p(y))).

    probabilities [n, c] of c classes.
    """
    p = checked(probabilities, "rows of probabilities")
    borders = [k * len(p) // splits for k in range(splits + 1)]
    scores = [_inception_score(p[a:b]) for a, b in zip(borders, borders[1:])]
    return float(np.mean(scores)), float(np.std(scores))


def _inception_score(p):
    marginal = np.broadcast_to(p.mean(0), p.shape)
    seen = p > 0  # 0 log 0 = 0
    divergence = np.zeros_like(p)
    divergence[seen] = p[seen] * (np.log(p[seen]) - np.log(marginal[seen]))
    return np.exp(divergence.sum(1).mean())


def neighbours(real, fake, k=5) -> dict[str, float]:
    """Precision and recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020).

    real [n, d], fake [m, d]. A point's ball reaches to its k-th nearest other point of its set.
    """
    return {name: float(items.mean()) for name, items in neighbour_items(real, fake, k).items()}


def neighbour_items(real, fake, k=5) -> dict[str, np.ndarray]:
    """What every point adds to the scores of `neighbours`: fake ones [m], real ones [n].

    Precision and density are means over fake points, recall and coverage over real ones.
    """
    real, fake = checked(real, "real features"), checked(fake, "fake features")
    for name, features in (("real", real), ("fake", fake)):
        if len(features) <= k:
            raise ValueError(f"{len(features)} {name} features have no {k}-th nearest neighbour")
    real_radius, fake_radius = _radii(real, k), _radii(fake, k)
    middle = _middle(real)
    real, fake = real - middle, fake - middle
    in_real, inside = np.zeros(len(fake), bool), np.zeros(len(fake), np.int64)
    in_fake, nearest = np.zeros(len(real), bool), np.zeros(len(real))
    for start in range(0, len(real), BLOCK):
        rows = slice(start, start + BLOCK)
        distance = _squared_distances(real[rows], fake)
        reach = real_radius[rows, None]
        in_real |= (distance <= reach).any(0)
        inside += (distance < reach).sum(0)
        in_fake[rows] = (distance <= fake_radius).any(1)
        nearest[rows] = distance.min(1)
    return {
        "precision": in_real,
        "recall": in_fake,
        "density": inside / k,
        "coverage": nearest < real_radius,
    }


def _middle(features):
    """Near the mean [d]. |x|^2 - 2 x y + |y|^2 loses what two points differ by where both are far
    from 0; taking away whole numbers rounds nothing, so that equal distances stay equal."""
    return np.rint(features.mean(0))


def _radii(features, k):
    """Squared distance of every point to its k-th nearest other point: [n]."""
    features, radii = features - _middle(features), np.empty(len(features))
    for start in range(0, len(features), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(features)))
        distance = _squared_distances(features[rows], features)
        distance[rows - start, rows] = np.inf
        radii[rows] = np.partition(distance, k - 1, axis=1)[:, k - 1]
    return radii


def _squared_distances(x, y):
    squares = (x**2).sum(1)[:, None] + (y**2).sum(1)[None] - 2 * x @ y.T
    return np.maximum(squares, 0.0)
