"""FID and its kin of two sets of pictures: what B is worth beside A.

python -m itit_jax.evaluation.images A B --features=inception:FILE [--metrics=fid,kid] [--out=FILE]
"""

import functools
import sys

from configs.commands import Argument, command
from configs.keys import Check
from data_pipelines import pictures
from data_pipelines.files import check_writable
from data_pipelines.folder import Report
from itit_jax.evaluation import out_files
from itit_jax.evaluation.collected import collect, default_folder
from itit_jax.evaluation.picture_scores import METRICS, score

SOME = Check(lambda names: names and set(names) <= set(METRICS), f"some of {', '.join(METRICS)}")
EXTRACTORS = (
    "inception:FILE (pytorch-fid's resize), inception-tf1:FILE (torch-fidelity's), "
    "scenes:WORKDIR of a classifier run, tower:DIR of CLIP or SigLIP"
)
ARGUMENTS = {
    "a": Argument("", "the real pictures: a folder, a zip, or DIR:split", form="PATH"),
    "b": Argument("", "the pictures to be measured, likewise", form="PATH"),
    "--features": Argument("", EXTRACTORS, form="KIND:PATH", needed=True),
    "--metrics": Argument(METRICS, "commas between", SOME, form="NAME,NAME"),
    "--out": out_files.ARGUMENT,
    "--cache": Argument("", "folder of kept statistics; else in the home's .cache", form="DIR"),
}


@command(
    "itit_jax.evaluation.images",
    "score pictures: FID, KID, Inception Score, precision, recall, density, coverage",
    ARGUMENTS,
)
def main(options):
    """Reads both sets and scores them."""
    out_files.check(options.out)
    options.cache = options.cache or default_folder()
    check_writable(options.cache, "--cache", inside=True)
    sources = [pictures.find(name) for name in (options.a, options.b)]
    from itit_jax.evaluation.features import find  # JAX starts once the inputs are known good

    extractor = find(options.features)
    sets = [_collected(source, extractor, options) for source in sources]
    scores = score(*sets, options.metrics, extractor.name)
    show(scores, sets)
    skipped = [found.skipped for found in sets]
    table = {"a": options.a, "b": options.b, "scores": scores, "skipped": skipped}
    out_files.write(options.out, table)


def _collected(source, extractor, options):
    """Statistics of a set; with its rows where a metric needs them."""
    keep = any(metric != "fid" for metric in options.metrics)
    say = functools.partial(print, file=sys.stderr, flush=True)
    found = collect(source, extractor, Report(), keep=keep, folder=options.cache, say=say)
    for reason, broken in found.skipped.items():
        first = broken["first"][0]
        say(f"{source.name}: skipped {broken['count']:,}: {reason} (first: {first})")
    return found


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
