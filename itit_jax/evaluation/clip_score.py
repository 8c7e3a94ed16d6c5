"""CLIP score of pictures and their texts.

python -m itit_jax.evaluation.clip_score PICTURES CAPTIONS.tsv --tower=FOLDER [--out=scores.json]

CAPTIONS is what itit_jax.evaluation.captions scores too.
"""

import sys

from configs.commands import Argument, command
from configs.keys import one_of
from data_pipelines import folder, images
from data_pipelines.errors import UserError
from data_pipelines.picture_files import Pictures
from itit_jax.evaluation import out_files
from itit_jax.evaluation.pair_scores import score

TOWER = "published weights of CLIP or SigLIP with their config.json and vocabulary, or a run"
ARGUMENTS = {
    "pictures": Argument("", "a folder or zip", form="PATH"),
    "captions": Argument("", "COCO JSON, or TSV with the columns file and caption", form="FILE"),
    "--tower": Argument("", TOWER, form="DIR", needed=True),
    "--formula": Argument(
        "pictures",
        "100 max(cos, 0), a picture of several texts once; as torchmetrics; as Hessel et al. 2021",
        one_of("pictures", "torchmetrics", "hessel"),
        form="NAME",
    ),
    "--out": out_files.ARGUMENT,
}


@command("itit_jax.evaluation.clip_score", "score how well pictures fit their texts", ARGUMENTS)
def main(options):
    """Prints the score."""
    out_files.check(options.out)
    names, pictures, captions, skipped = read_pairs(options.pictures, options.captions)
    from itit_jax.towers.trained import open_towers  # JAX starts once the inputs are known good

    found = score(open_towers(options.tower), pictures, captions, options.formula)
    out_files.tell(skipped)
    interval = f"  95 % {found['low']:.2f} to {found['high']:.2f}" if "low" in found else ""
    print(f"CLIP score {found['score']:.2f}{interval}  {found['signature']}")
    out_files.write(options.out, {"files": names, "skipped": skipped, **found})


def read_pairs(source, table):
    """-> (names, functions to pixels, lists of captions, what was skipped) of usable pictures."""
    report, pictures = folder.Report(), Pictures([source])
    captions, _ = folder.read_captions(table, pictures, report)
    names = []
    for name, _ in pictures.usable(report):
        if name in captions:
            names.append(name)
        else:
            report.skip("no caption", name)
    if not names:
        raise UserError(f"no row of {table} names a usable picture of {source}.")
    pixels = [lambda name=name: images.decode(pictures.data(name)) for name in names]
    return names, pixels, [captions[n] for n in names], report.summary()


if __name__ == "__main__":
    sys.exit(main())
