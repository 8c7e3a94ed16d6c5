"""One page of plots of the geometry of a space."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

BINS = np.linspace(-1, 1, 81)
SHOWN = 500  # points of a modality


def page(found, along, title):
    """Figure of a modality_gap.Geometry and of {step: what measure gives}, where there is any."""
    figure = Figure(figsize=(13, 7.5), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=9)
    (pairs, gap, noise), (spectra, plane, training) = figure.subplots(2, 3)
    _cosines(pairs, "cosines", {"of pairs": found.pair_cosines, "of others": found.other_cosines})
    lines = {f"to differences of {name}s": cosines for name, cosines in found.within.items()}
    _cosines(gap, "cosines of the gap", {"between groups": found.group_cosines} | lines)
    _cosines(noise, "cosines of the noise", {"between pairs": found.residual_cosines})
    for name, values in found.spectra.items():
        spectra.semilogy(np.arange(1, len(values) + 1), values.clip(1e-12), label=name)
    _say(spectra, "variance of each direction", "direction")
    _plane(plane, found)
    _training(training, along)
    return figure


def _cosines(axes, title, lines):
    """Histograms of lists of cosines."""
    for name, cosines in lines.items():
        axes.hist(cosines, BINS, density=True, alpha=0.5, label=name)
    _say(axes, title, "cosine")


def _plane(axes, found):
    """Both modalities along the gap and along their own first direction."""
    length = max(np.linalg.norm(found.gap), 1e-12)
    both = np.concatenate([rows - rows.mean(axis=0) for rows in (found.images, found.texts)])
    first = np.linalg.eigh(both.T @ both)[1][:, -1]
    for name, rows in (("image", found.images[:SHOWN]), ("text", found.texts[:SHOWN])):
        axes.scatter(rows @ found.gap / length, rows @ first, s=4, alpha=0.5, label=name)
    _say(axes, "pictures and texts", "along the gap")
    axes.set_ylabel("along their first direction", fontsize=7)


def _training(axes, along):
    """Gap and noise over the steps."""
    steps = list(along)
    axes.set_visible(bool(along))
    axes.plot(steps, [along[s]["gap"]["length"][0] for s in steps], "o-", label="length of the gap")
    lines = {"pairs": "cosine_of_pairs", "others": "cosine_of_others"}
    for name, key in lines.items():
        axes.plot(steps, [along[s][key][0] for s in steps], "o-", label=f"cosine of {name}")
    _say(axes, "along training", "step")


def _say(axes, title, x):
    axes.set_title(title, fontsize=9)
    axes.set_xlabel(x, fontsize=7)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
