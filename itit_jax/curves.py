"""curves.png of a run: every loss over the steps, and below them the scores of its evaluations."""

import io

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

POINTS = 200  # of a curve; each is the mean of the steps around it
SCORES = ("f1", "exact", "bleu_4", "cider", "_fid", "loss", "l1", "accuracy", "recall_1")
HIDDEN = ("step", "grad_norm", "skipped")
COLUMNS = 3


def draw(metrics, scores):
    """metrics: [{"step", name: value}]; scores: {step: {split: {name: value}}} -> PNG bytes."""
    panels = _losses(metrics) | _scores(scores)
    rows = -(-max(len(panels), 1) // COLUMNS)
    figure = Figure(figsize=(4 * COLUMNS, 2.6 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    for place, (name, lines) in enumerate(sorted(panels.items())):
        axes = figure.add_subplot(rows, COLUMNS, place + 1)
        for label, (x, y) in lines.items():
            axes.plot(x, y, label=label, marker="o" if len(x) < POINTS // 4 else "", markersize=3)
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("step", fontsize=7)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
        if len(lines) > 1:
            axes.legend(fontsize=7)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=100)
    return out.getvalue()


def _losses(metrics):
    """{name: {"training": (steps, means)}}."""
    every = dict.fromkeys(name for row in metrics for name in row)  # not all stand in each
    names = [name for name in every if name not in HIDDEN]
    panels = {}
    for name in names:
        found = [(row["step"], row[name]) for row in metrics if name in row]
        steps, values = np.array(found, float).T
        parts = np.array_split(np.arange(len(steps)), min(POINTS, len(steps)))
        means = [(steps[part].mean(), values[part].mean()) for part in parts]
        panels[name] = {"training": tuple(zip(*means))}
    return panels


def _scores(scores):
    """{name: {split: (steps, values)}} of the scores that one looks at."""
    panels = {}
    for step in sorted(scores, key=int):
        for split, values in scores[step].items():
            for name, value in values.items():
                if name.endswith(SCORES) and not isinstance(value, str):
                    x, y = panels.setdefault(f"{name} (held out)", {}).setdefault(split, ([], []))
                    x.append(int(step))
                    y.append(value)
    return panels
