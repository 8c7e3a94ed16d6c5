"""FID and its kin of two sets of pictures by their features, with intervals and signatures."""

import math

import numpy as np

from itit_jax.evaluation import fidelity, intervals

VERSION = 2  # of the signature: raised when a score of the same features would change
# Means over the pictures of one of the sets.
OF_SET = {"precision": "B", "recall": "A", "density": "B", "coverage": "A"}
METRICS = ("fid", "kid", "is", *OF_SET)
NEAREST = 5
PARTS = 10  # parts of a set: what IS averages, what the interval of KID compares
SHUFFLE = 2020  # torch-fidelity's seed of what a part is
OF_SPLIT = 50  # least pictures of such a part for IS, which is 1 for a single picture
STUDENT = 2.262  # 97.5 % point of Student's t with PARTS - 1 degrees of freedom


def score(real, fake, metrics, name):
    """{metric: {"score", "low", "high", "interval", "signature"}, or {"missing": why}}.

    `real` and `fake`: Collected by the extractor `name`, with rows where a metric needs them.
    """
    found = {}
    for names, measure in MEASURES.items():
        if set(names) & set(metrics):
            found |= measure(real, fake)
    for metric, entry in found.items():
        how = entry.pop("how", "")
        counted = f"{how}n:{real.count}+{fake.count}"
        entry["signature"] = f"{metric}:{name}|{counted}|v:{VERSION}"
    return {metric: found[metric] for metric in METRICS if metric in metrics}


def _fid(real, fake):
    return {"fid": {"score": fidelity.frechet_distance(real.statistics, fake.statistics)}}


def _kid(real, fake):
    estimate = fidelity.kernel_distance(real.features, fake.features)
    entry = {"score": estimate, "how": "kernel:poly3|"}
    if min(real.count, fake.count) >= 2 * PARTS:
        parts = [np.array_split(shuffled(rows.features), PARTS) for rows in (real, fake)]
        each = [fidelity.kernel_distance(a, b) for a, b in zip(*parts)]
        # Parts are independent of each other; their mean varies no less than the whole does.
        width = STUDENT * np.std(each, ddof=1) / math.sqrt(PARTS)
        what = f"95 %, from {PARTS} parts of both sets"
        entry |= {"low": estimate - width, "high": estimate + width, "interval": what}
    return {"kid": entry}


def _inception_score(real, fake):
    del real
    if fake.probabilities is None:
        return {"is": {"missing": "these features tell no classes"}}
    splits = PARTS if fake.count >= PARTS * OF_SPLIT else 1
    mean, deviation = fidelity.inception_score(shuffled(fake.probabilities), splits)
    entry = {"score": mean, "how": f"of:B|splits:{splits}|"}
    if splits > 1:
        what = f"one deviation of {splits} splits"
        entry |= {"low": mean - deviation, "high": mean + deviation, "interval": what}
    return {"is": entry}


def shuffled(rows):
    """In one fixed order, for files may come class by class and parts should be alike."""
    return rows[np.random.RandomState(SHUFFLE).permutation(len(rows))]


def _neighbours(real, fake):
    if min(real.count, fake.count) <= NEAREST:
        why = f"both sets need more than {NEAREST} pictures"
        return {metric: {"missing": why} for metric in OF_SET}
    entries = {}
    for metric, items in fidelity.neighbour_items(real.features, fake.features, NEAREST).items():
        way = "bootstrap" if metric == "density" else "Wilson's"
        what = f"95 %, {way}, pictures of {OF_SET[metric]}"
        entries[metric] = intervals.entry(*intervals.bootstrap(items)) | {"interval": what}
        entries[metric]["how"] = f"k:{NEAREST}|"
    return entries


MEASURES = {("fid",): _fid, ("kid",): _kid, ("is",): _inception_score, tuple(OF_SET): _neighbours}
