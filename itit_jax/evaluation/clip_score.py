"""How well pictures fit their texts, by CLIP's or SigLIP's towers.

python -m itit_jax.evaluation.clip_score PICTURES CAPTIONS.tsv --tower=FOLDER [--out=scores.json]

PICTURES: a folder or zip. CAPTIONS: TSV, CSV or JSONL with the columns file and caption. FOLDER:
published weights with their config.json and vocabulary. The score of a pair is 100 max(cos, 0), as
torchmetrics scales it (Hessel et al. 2021: 2.5 max(cos, 0)); the signature names the towers, since
scores of others cannot be compared.
"""

import argparse
import sys

import numpy as np

from data_pipelines import folder, images
from data_pipelines.errors import UserError
from itit_jax.evaluation import out_files
from itit_jax.evaluation.intervals import bootstrap
from itit_jax.towers.published import load_towers

VERSION = 1  # of the signature: raised when a score of the same pairs would change
SCALE = 100.0
CHUNK = 256  # pictures decoded at once


def similarity(image_features, text_features):
    """[n, d], [n, d] -> [n]: 100 max(cos, 0) of each pair, in float64."""
    image, text = (np.asarray(x, np.float64) for x in (image_features, text_features))
    lengths = np.linalg.norm(image, axis=1) * np.linalg.norm(text, axis=1)
    return SCALE * np.maximum((image * text).sum(1) / lengths, 0.0)


def score(towers, pictures, captions):
    """Score of n pictures, each a function () -> uint8 [h, w, 3], against n lists of captions.

    -> {"score", "low", "high", "items" [n], "signature"}. A picture of several captions counts
    once, by the mean of its pairs; the interval resamples pictures.
    """
    items = []
    for start in range(0, len(pictures), CHUNK):
        rows = range(start, min(start + CHUNK, len(pictures)))
        seen = towers.image_features([pictures[i]() for i in rows])
        said = towers.text_features([text for i in rows for text in captions[i]])
        counts = [len(captions[i]) for i in rows]
        pairs = similarity(np.repeat(seen, counts, axis=0), said)
        items += [float(part.mean()) for part in np.split(pairs, np.cumsum(counts)[:-1])]
    estimate, low, high = bootstrap(np.array(items))
    signature = f"clip_score:100max(cos,0)|tower:{towers.signature}|n:{len(items)}|v:{VERSION}"
    return {"score": estimate, "low": low, "high": high, "items": items, "signature": signature}


def main(arguments=None):
    """Prints the score; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="itit_jax.evaluation.clip_score",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("pictures", help="folder or zip")
    parser.add_argument("captions", help="TSV, CSV or JSONL with the columns file and caption")
    parser.add_argument("--tower", required=True, help="folder of CLIP or SigLIP weights")
    parser.add_argument("--out", default="", help="JSON file for the score, items and signature")
    options = parser.parse_args(arguments)
    try:
        out_files.check(options.out)
        names, pictures, captions, skipped = read_pairs(options.pictures, options.captions)
        found = score(load_towers(options.tower), pictures, captions)
    except UserError as error:
        print(f"itit_jax: {error}", file=sys.stderr)
        return 2
    for reason, rows in skipped.items():
        print(f"skipped, {reason}: {rows['count']}, first {rows['first'][0]}", file=sys.stderr)
    interval = f"95 % {found['low']:.2f} to {found['high']:.2f}"
    print(f"CLIP score {found['score']:.2f}  {interval}  {found['signature']}")
    out_files.write(options.out, {"files": names, "skipped": skipped, **found})
    return 0


def read_pairs(source, table):
    """-> (names, functions to pixels, lists of captions, what was skipped) of usable pictures."""
    report, pictures = folder.Report(), folder.Pictures([source])
    captions, _ = folder.read_captions(table, pictures, report)
    usable = {}
    for name in captions:
        try:
            pictures.read(name)
            usable[name] = lambda name=name: np.asarray(images.upright(pictures.read(name)))
        except ValueError:
            report.skip("broken image", name)
    if not usable:
        raise UserError(f"no row of {table} names a usable picture of {source}.")
    names = list(usable)
    return names, list(usable.values()), [captions[n] for n in names], report.summary()


if __name__ == "__main__":
    sys.exit(main())
