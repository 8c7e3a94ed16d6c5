"""FID and its kin of two sets of pictures: what B is worth beside A.

python -m itit_jax.evaluation.images A B --features=inception:FILE [--metrics=fid,kid] [--out=FILE]

A and B are each a folder of pictures, a zip, or DIR:split of a data set. Features: inception:FILE
(pytorch-fid's resize), inception-tf1:FILE (torch-fidelity's), scenes:WORKDIR of a classifier run,
tower:FOLDER of CLIP or SigLIP.
"""

import argparse
import functools
import math
import sys

import numpy as np

from data_pipelines import pictures
from data_pipelines.errors import UserError
from data_pipelines.folder import Report
from itit_jax.evaluation import fidelity, intervals, out_files
from itit_jax.evaluation.collected import collect, default_folder
from itit_jax.evaluation.features import find

VERSION = 1  # of the signature: raised when a score of the same features would change
# Means over the pictures of one of the sets.
OF_SET = {"precision": "B", "recall": "A", "density": "B", "coverage": "A"}
METRICS = ("fid", "kid", "is", *OF_SET)
NEAREST = 5
PARTS = 10  # consecutive parts of a set: what IS averages, what the interval of KID compares
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
        counted = f"{how}n:{real.count},{fake.count}"
        entry["signature"] = f"{metric}:{name}|{counted}|v:{VERSION}"
    return {metric: found[metric] for metric in METRICS if metric in metrics}


def _fid(real, fake):
    return {"fid": {"score": fidelity.frechet_distance(real.statistics, fake.statistics)}}


def _kid(real, fake):
    estimate = fidelity.kernel_distance(real.features, fake.features)
    entry = {"score": estimate, "how": "kernel:poly3|"}
    if min(real.count, fake.count) >= 2 * PARTS:
        parts = [np.array_split(rows.features, PARTS) for rows in (real, fake)]
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
    mean, deviation = fidelity.inception_score(fake.probabilities, splits)
    entry = {"score": mean, "how": f"of:B|splits:{splits}|"}
    if splits > 1:
        what = f"one deviation of {splits} splits"
        entry |= {"low": mean - deviation, "high": mean + deviation, "interval": what}
    return {"is": entry}


def _neighbours(real, fake):
    if min(real.count, fake.count) <= NEAREST:
        why = f"both sets need more than {NEAREST} pictures"
        return {metric: {"missing": why} for metric in OF_SET}
    entries = {}
    for metric, items in fidelity.neighbour_items(real.features, fake.features, NEAREST).items():
        estimate, low, high = intervals.bootstrap(items)
        what = f"95 %, bootstrap of the pictures of {OF_SET[metric]}"
        entries[metric] = {"score": estimate, "low": low, "high": high, "interval": what}
        entries[metric]["how"] = f"k:{NEAREST}|"
    return entries


MEASURES = {("fid",): _fid, ("kid",): _kid, ("is",): _inception_score, tuple(OF_SET): _neighbours}


# ---- the command -------------------------------------------------------------------------------


def main(arguments=None):
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="itit_jax.evaluation.images",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("a", metavar="A", help="the real pictures")
    parser.add_argument("b", metavar="B", help="the pictures to be measured")
    parser.add_argument("--features", required=True, help="KIND:PATH, see above")
    parser.add_argument("--metrics", default=",".join(METRICS), help="commas between")
    parser.add_argument("--out", default="", help="JSON file for scores and signatures")
    parser.add_argument("--cache", default=default_folder(), help="folder of kept statistics")
    options = parser.parse_args(arguments)
    try:
        return run(options)
    except UserError as error:
        print(f"itit_jax: {error}", file=sys.stderr)
        return 2


def run(options):
    """Reads both sets and scores them."""
    metrics = options.metrics.split(",")
    if unknown := [m for m in metrics if m not in METRICS]:
        raise UserError(f"--metrics has {unknown[0]!r}; give some of {','.join(METRICS)}.")
    out_files.check(options.out)
    sources = [pictures.find(name) for name in (options.a, options.b)]
    extractor = find(options.features)
    keep = any(metric != "fid" for metric in metrics)
    say = functools.partial(print, file=sys.stderr, flush=True)
    sets = [
        collect(source, extractor, Report(), keep=keep, folder=options.cache, say=say)
        for source in sources
    ]
    for source, found in zip(sources, sets):
        for reason, broken in found.skipped.items():
            first = broken["first"][0]
            say(f"{source.name}: skipped {broken['count']:,}: {reason} (first: {first})")
    scores = score(*sets, metrics, extractor.name)
    show(scores, sets)
    skipped = [found.skipped for found in sets]
    table = {"a": options.a, "b": options.b, "scores": scores, "skipped": skipped}
    out_files.write(options.out, table)
    return 0


def show(scores, sets):
    """One line a score."""
    for name, entry in scores.items():
        if "missing" in entry:
            print(f"{name:9s} not measured: {entry['missing']}")
            continue
        ends = f"{entry['low']:.4f} to {entry['high']:.4f}" if "low" in entry else ""
        interval = f"  {ends} ({entry['interval']})" if ends else ""
        print(f"{name:9s} {entry['score']:.4f}{interval}  {entry['signature']}")
    fewest, width = min(s.count for s in sets), len(sets[0].statistics.mean)
    if "fid" in scores and fewest <= width:
        print(f"FID of {fewest:,} pictures by {width:,} features is too large; compare it with "
              "that of as many pictures only.")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
