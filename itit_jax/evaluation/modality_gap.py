"""The geometry of a space that two towers share (Connect, Collapse, Corrupt; papers.md 2.1).

Of a pair the vectors differ by x - y = c + e: the gap c, one for all pairs and orthogonal to what
pictures and texts differ by among themselves, and noise e about 0, alike in all directions.
"""

from typing import Any, NamedTuple

import numpy as np

GROUP = 100  # pairs of a group, whose gaps are compared
FEWEST = 20  # pairs that something can be said of
MOST = 1000  # residuals whose cosines are taken
VARIANCE = 0.99  # share of it that the effective dimensions of a modality hold


class Geometry(NamedTuple):
    """What the measures and the plots are made of. Cosines are lists [k]."""

    images: np.ndarray  # [n, d]
    texts: np.ndarray  # [n, d]
    gap: np.ndarray  # [d], the mean difference
    group_gaps: np.ndarray  # [g, d]
    group_cosines: np.ndarray  # between the gaps of groups
    within: dict[str, np.ndarray]  # of the gap to differences inside "image" and "text"
    residual_cosines: np.ndarray  # between the noise of pairs
    spectra: dict[str, np.ndarray]  # variances [d] of "image", "text", "noise", largest first
    pair_cosines: np.ndarray  # of pairs
    other_cosines: np.ndarray  # of pictures with the texts of other pairs


def look(images, texts) -> Geometry:
    """Of the vectors [n, d] of n pairs, as they are; n at least FEWEST."""
    x, y = (np.asarray(rows, np.float64) for rows in (images, texts))
    gap = np.mean(x - y, axis=0)
    residual = x - y - gap
    count = max(len(x) // GROUP, 2)
    gaps = np.stack([part.mean(axis=0) for part in np.array_split(x - y, count)])
    spectrum = lambda rows: np.linalg.eigvalsh(np.cov(rows.T))[::-1].clip(0)
    return Geometry(
        images=x,
        texts=y,
        gap=gap,
        group_gaps=gaps,
        group_cosines=_between(gaps),
        within={"image": _cosines(_differences(x), gap), "text": _cosines(_differences(y), gap)},
        residual_cosines=_between(residual[:MOST]),
        spectra={"image": spectrum(x), "text": spectrum(y), "noise": spectrum(residual)},
        pair_cosines=_cosines(x, y),
        other_cosines=_cosines(x, np.roll(y, 1, axis=0)),
    )


def measure(found: Geometry) -> dict[str, Any]:
    """Numbers; a pair of them is a mean and a standard deviation."""
    n, d = found.images.shape
    spectra = found.spectra
    bare = found.images - found.texts
    return {
        "pairs": n,
        "width": d,
        "gap": {
            "length": _spread(np.linalg.norm(found.group_gaps, axis=1)),
            "cosine_between_groups": _spread(found.group_cosines),
            "pairs_of_a_group": n // len(found.group_gaps),
            "cosine_to_differences": {k: _spread(v) for k, v in found.within.items()},
            "cosine_of_random_directions": [0.0, d**-0.5],
        },
        "noise": {
            "deviation": float(np.sqrt(spectra["noise"].mean())),  # of a coordinate
            "mean": _mean_elsewhere(bare),
            "cosine": _spread(found.residual_cosines),
            "isotropy": _over(participation(spectra["noise"], n), d),
            "largest_direction": _over(float(spectra["noise"][0]), float(spectra["noise"].sum())),
        },
        "image": _modality(found.images, spectra["image"]),
        "text": _modality(found.texts, spectra["text"]),
        "cosine_of_pairs": _spread(found.pair_cosines),
        "cosine_of_others": _spread(found.other_cosines),
    }


def _modality(vectors, spectrum):
    """Of one modality: how many directions it uses, by two definitions."""
    held = np.cumsum(spectrum) >= VARIANCE * spectrum.sum()
    return {
        "dimensions": int(np.argmax(held)) + 1,
        "participation": participation(spectrum, len(vectors)),
        "mean_length": float(np.linalg.norm(vectors.mean(axis=0))),
    }


def participation(spectrum, count):
    """Effective dimension (sum l)^2 / sum l^2 of variances l [d] of `count` rows; None where the
    rows are too few to say.

    Few rows make equal variances look unequal: both sums are taken without that bias, as it is of
    normal rows (Srivastava 2005).
    """
    m, total, squares = count - 1, float(spectrum.sum()), float(np.square(spectrum).sum())
    unbiased = m**2 / ((m - 1) * (m + 2)) * (squares - total**2 / m)
    return (total**2 - 2 / m * unbiased) / unbiased if unbiased > 0 else None


def _mean_elsewhere(bare):
    """Length of the mean noise [n, d], where the gap is that of every other pair, and the length
    that sampling alone gives it."""
    here, there = bare[::2], bare[1::2]
    variance = np.var(bare, axis=0, ddof=1).sum()
    return {
        "length": float(np.linalg.norm(here.mean(axis=0) - there.mean(axis=0))),
        "by_sampling": float(np.sqrt(variance * (1 / len(here) + 1 / len(there)))),
    }


def _differences(x):
    """[n, d] -> [n // 2, d], each row used once."""
    half = len(x) // 2
    return x[:half] - x[half : 2 * half]


def _between(x):
    """Cosines of every two rows of [n, d]."""
    unit = x / _lengths(x)
    return (unit @ unit.T)[np.triu_indices(len(x), 1)]


def _cosines(x, y):
    """Of rows [n, d] with rows [n, d], or with one [d]."""
    return np.sum(x * y, axis=-1) / np.squeeze(_lengths(x) * _lengths(y), axis=-1)


def _lengths(x):
    """[..., d] -> [..., 1], never 0: two equal pictures differ in no direction."""
    return np.linalg.norm(x, axis=-1, keepdims=True).clip(1e-12)


def _over(a, b):
    return a / b if a is not None and b else None


def _spread(values):
    return [float(np.mean(values)), float(np.std(values))]
