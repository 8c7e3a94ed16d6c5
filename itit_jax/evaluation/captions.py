"""Scores of captions in files.

python -m itit_jax.evaluation.captions HYPOTHESES REFERENCES [--out=scores.json]

METEOR and SPICE are measured by their own Java programs where those are installed, else said to be
missing.
"""

import sys

from configs.commands import Argument, command
from itit_jax.evaluation import caption_scores, java_scorers, out_files
from itit_jax.evaluation.caption_files import read_hypotheses, read_references

FILE = "COCO JSON, or TSV with the columns id and caption"
ARGUMENTS = {
    "hypotheses": Argument("", f"the captions to score: {FILE}", form="FILE"),
    "references": Argument("", f"what people said, some an id: {FILE}", form="FILE"),
    "--out": out_files.ARGUMENT,
    "--tokenized": Argument(False, "texts are tokens already"),
}


@command(
    "itit_jax.evaluation.captions",
    "score captions: BLEU, ROUGE-L, CIDEr-D; METEOR and SPICE where Java is",
    ARGUMENTS,
)
def main(options):
    """Prints the table."""
    out_files.check(options.out)
    hypotheses = read_hypotheses(options.hypotheses)
    references = read_references(options.references, hypotheses)
    texts = list(hypotheses.values())
    scores = caption_scores.score(texts, references, tokenized=options.tokenized)
    scores |= java_scorers.score(texts, references)
    show(scores)
    out_files.write(options.out, {"ids": list(hypotheses), "scores": scores})


def show(scores):
    """One line a score."""
    for name, entry in scores.items():
        if "score" not in entry:
            print(f"{name:8s} not measured: {entry['missing']}")
            continue
        interval = f"  95 % {entry['low']:.4f} to {entry['high']:.4f}" if "low" in entry else ""
        print(f"{name:8s} {entry['score']:.4f}{interval}  {entry['signature']}")


if __name__ == "__main__":
    sys.exit(main())
