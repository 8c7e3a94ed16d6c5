"""Our scores beside the official and the exact ones: the largest differences, set by set.

python -m tests.evaluation.agreement --reference=FOLDER --out=results/metrics.json

FOLDER holds caption sets with the scores and tokens of the official scorers (*.json.gz, *.json)
and sets of features with exact distances (frechet.json, frechet.npz).
"""

import argparse
import gzip
import json
import pathlib
import sys

import numpy as np

from itit_jax.evaluation import caption_scores, fidelity
from itit_jax.evaluation.fidelity import Statistics
from itit_jax.evaluation.ptb import tokenize

METRICS = ("Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4", "ROUGE_L", "CIDEr")
NEIGHBOURS = ("precision", "recall", "density_strict", "coverage_strict")


def read(file):
    """A caption set: items with raw texts, official tokens and official scores."""
    opened = gzip.open(file) if file.suffix == ".gz" else open(file, "rb")
    with opened:
        return json.loads(opened.read())


def caption_set(found):
    """Differences on official tokens and on raw text, and the share of texts with equal tokens."""
    items, corpus = found["items"], found["corpus"]
    given = _score(items, "tok", "given")
    raw = _score(items, "raw")
    texts = [(t, w) for i in items for t, w in zip(_texts(i, "raw"), _texts(i, "tok"))]
    return {
        "items": len(items),
        "corpus": max(abs(given[m]["score"] - corpus[m]) for m in METRICS),
        "item": max(
            abs(ours - item["scores"][m])
            for m in METRICS
            for ours, item in zip(given[m]["items"], items)
        ),
        "equal_tokens": float(np.mean([tokenize(t) == w for t, w in texts])),
        "corpus_of_raw_text": max(abs(raw[m]["score"] - corpus[m]) for m in METRICS),
        "signature": raw["CIDEr"]["signature"],
    }


def _texts(item, form):
    return [item[f"hyp_{form}"], *item[f"refs_{form}"]]


def _score(items, form, tokens=""):
    hypotheses = [i[f"hyp_{form}"] for i in items]
    return caption_scores.score(hypotheses, [i[f"refs_{form}"] for i in items], tokens)


def frechet(cases, arrays):
    """{case: (ours, exact, relative tolerance)}; singular covariances lose half of the digits."""
    found = {}
    for case in cases:
        name = case["name"]
        sides = [Statistics(arrays[f"{name}.mu{i}"], arrays[f"{name}.sigma{i}"]) for i in (1, 2)]
        singular = min(case["rank1"], case["rank2"]) < case["dim"]
        tolerance = 1e-5 if "badly" in name else 1e-6 if singular else 1e-9
        found[name] = fidelity.frechet_distance(*sides), case["value"], tolerance
    return found


def kernel(cases, arrays):
    """{case: (ours, exact, relative tolerance)}."""
    found = {}
    for case in cases:
        x, y = (arrays[f"kid.{case['name']}.{side}"] for side in "xy")
        for kind in ("unbiased", "biased"):
            ours = fidelity.kernel_distance(x, y, unbiased=kind == "unbiased")
            found[f"{case['name']} {kind}"] = ours, case[kind], 1e-9
    return found


def inception(cases, arrays):
    """{case: (ours, exact, relative tolerance)} of means and deviations."""
    found = {}
    for case in cases:
        for key in (key for key in case if key.startswith("splits_")):
            splits = int(key.removeprefix("splits_"))
            ours = fidelity.inception_score(arrays[f"is.{case['name']}"], splits)
            for value, kind in zip(ours, ("mean", "std")):
                found[f"{case['name']} {key} {kind}"] = value, case[key][kind], 1e-9
    return found


def neighbours(cases, arrays):
    """{case: (ours, exact, relative tolerance)}; the points are whole numbers."""
    found = {}
    for case in cases:
        real, fake = (arrays[f"pr.{case['name']}.{side}"] for side in ("real", "fake"))
        for k, want in case["k"].items():
            ours = fidelity.neighbours(real, fake, k=int(k)).values()
            for value, kind in zip(ours, NEIGHBOURS, strict=True):
                found[f"{case['name']} k={k} {kind}"] = value, want[kind], 1e-12
    return found


FIDELITY = {
    "frechet": frechet,
    "kid": kernel,
    "inception_score": inception,
    "precision_recall": neighbours,
}


def share_of_tolerance(ours, exact, tolerance):
    """|difference| over what is allowed: at most 1 where they agree. Zero is met to 1e-9."""
    return abs(ours - exact) / max(tolerance * abs(exact), 1e-9)


def fidelity_sets(folder):
    """{measure: {"cases", "largest_share_of_tolerance", "case"}}."""
    values, arrays = (
        json.loads((folder / "frechet.json").read_text()),
        np.load(folder / "frechet.npz"),
    )
    table = {}
    for name, measure in FIDELITY.items():
        found = measure(values[name], arrays)
        shares = {case: share_of_tolerance(*numbers) for case, numbers in found.items()}
        worst = max(shares, key=shares.get)
        table[name] = {"cases": len(found), "largest_share_of_tolerance": shares[worst],
                       "case": worst}  # fmt: skip
    return table


def main():
    """Prints and writes the table; returns 1 where a distance leaves its tolerance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    folder = pathlib.Path(options.reference)
    files = ("coco-fakecap.json.gz", "coco-human.json.gz", "hard-text.json")
    table = {
        "captions": {name.split(".")[0]: caption_set(read(folder / name)) for name in files},
        "fidelity": fidelity_sets(folder),
    }
    text = json.dumps(table, indent=1)
    print(text)
    pathlib.Path(options.out).write_text(text + "\n")
    return int(any(f["largest_share_of_tolerance"] > 1 for f in table["fidelity"].values()))


if __name__ == "__main__":
    sys.exit(main())
