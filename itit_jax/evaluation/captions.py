"""Scores of captions in files.

python -m itit_jax.evaluation.captions HYPOTHESES REFERENCES [--out=scores.json]

METEOR and SPICE are measured by their own Java programs where those are installed, else said to be
missing.
"""

import sys

from configs.commands import Argument, command
from configs.keys import one_of
from data_pipelines.errors import UserError
from itit_jax.evaluation import caption_scores, java_scorers, out_files
from itit_jax.evaluation.caption_files import read_hypotheses, read_references

FILE = "COCO JSON, or TSV with the columns id (or file) and caption"
ARGUMENTS = {
    "hypotheses": Argument("", f"the captions to score: {FILE}", form="FILE"),
    "references": Argument("", f"what people said, some an id: {FILE}", form="FILE"),
    "--out": out_files.ARGUMENT,
    "--tokenizer": Argument(
        "ours",
        "what cuts texts into tokens: without Java, the official one in Java, or nothing",
        one_of("ours", "official", "none"),
        form="NAME",
    ),
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
    references, skipped = read_references(options.references, hypotheses)
    texts = list(hypotheses.values())
    scores = caption_scores.score(*_cut(texts, references, options.tokenizer))
    scores |= java_scorers.score(texts, references)
    out_files.tell(skipped)
    show(scores)
    table = {"ids": list(hypotheses), "skipped": skipped, "scores": scores}
    out_files.write(options.out, table)


def _cut(texts, references, tokenizer):
    """The texts, and what cut them into tokens; "" of texts that scoring itself will cut."""
    if tokenizer != "official":
        return texts, references, {"ours": "", "none": "given"}[tokenizer]
    try:
        return *java_scorers.cut(texts, references), "ptb-java"
    except java_scorers.NotMeasured as why:
        raise UserError(
            f"--tokenizer=official cannot be had: {why}; mend that or leave it out."
        ) from None


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
