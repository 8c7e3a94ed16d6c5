"""The geometry of the space of two towers: gap between modalities, noise of pairs, dimensions.

python -m itit_jax.evaluation.geometry DATA:split --tower=RUN_OR_FOLDER --out=DIR

Leaves geometry.json and geometry.png there. Of a run every checkpoint that it kept is looked at,
and its start.
"""

import json
import pathlib
import sys

import numpy as np

from configs.commands import Argument, command
from data_pipelines import streams
from data_pipelines.errors import UserError
from data_pipelines.files import check_writable, whole
from data_pipelines.records import INFO, Records
from itit_jax.batches import batches_of
from itit_jax.evaluation import modality_gap

TOWER = "a run of configs/towers_tiny.py, or published weights of CLIP or SigLIP"
ARGUMENTS = {
    "pairs": Argument("", "a split of a data set, such as data/tiny:test", form="DIR:SPLIT"),
    "--tower": Argument("", TOWER, form="DIR", needed=True),
    "--out": Argument("", "folder for geometry.json and geometry.png", form="DIR", needed=True),
}
CHUNK = 256  # pictures decoded at once


@command("itit_jax.evaluation.geometry", "measure the gap between pictures and texts", ARGUMENTS)
def main(options):
    """Prints the measures and leaves them in a folder."""
    check_writable(options.out, "--out", inside=True)
    folder, texts = read_texts(options.pairs)
    from itit_jax.towers.trained import open_towers  # JAX starts once the inputs are known good

    towers = open_towers(options.tower)
    split = options.pairs.rpartition(":")[2]
    along = {}
    for step in _steps(towers):
        if step is not None:
            towers.take(step)
        pictures = streams.images(folder, split, 0)
        found = modality_gap.look(*vectors(towers, pictures, texts))
        along[step] = modality_gap.measure(found)
    last = next(reversed(along))
    for line in told(along[last]):
        print(line)
    _keep(pathlib.Path(options.out), options, towers.signature, found, along)


def read_texts(source):
    """ "DIR:split" -> (the folder, the first text of each of its pairs)."""
    folder, _, split = source.rpartition(":")
    if not (pathlib.Path(folder) / INFO).is_file():
        raise UserError(f"{source} names no split of a data set; give one, as in data/tiny:test.")
    records = list(Records(folder, split))
    if not all(record.image and record.texts for record in records):
        raise UserError(f"{source} holds no pairs of pictures and texts; give a split that does.")
    if len(records) < modality_gap.FEWEST:
        raise UserError(
            f"{source} has {len(records)} pairs, of which little can be said; give at least "
            f"{modality_gap.FEWEST}."
        )
    return folder, [record.texts[0] for record in records]


def vectors(towers, pictures, texts):
    """Of pictures uint8 [h, w, 3], an iterable, and their texts -> [n, d] of length 1, of each."""
    seen = [towers.image_features(rows[:count]) for rows, count in batches_of(pictures, CHUNK)]
    unit = lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)
    return unit(np.concatenate(seen)), unit(towers.text_features(texts))


def _steps(towers):
    return towers.steps() if hasattr(towers, "steps") else [None]


def told(measured):
    """A line for each measure."""
    for name, value in measured.items():
        for inner, found in value.items() if isinstance(value, dict) else (("", value),):
            yield f"{f'{name} {inner}'.replace('_', ' '):36s} {_text(found)}"


def _text(value):
    if isinstance(value, dict):
        return ", ".join(f"{k.replace('_', ' ')} {_text(v)}" for k, v in value.items())
    if isinstance(value, list):
        return f"{value[0]:.3f} +- {value[1]:.3f}"
    return "not measurable" if value is None else f"{value:.4g}"


def _keep(out, options, signature, found, along):
    from itit_jax.evaluation.gap_page import page  # the list of commands needs no matplotlib

    out.mkdir(parents=True, exist_ok=True)
    last = next(reversed(along))
    steps = {step: measured for step, measured in along.items() if step is not None}
    table = {"pairs_of": options.pairs, "tower": signature, **along[last], "along": steps}
    with whole(out / "geometry.json", "w") as file:
        json.dump(table, file, indent=1)
    with whole(out / "geometry.png") as file:
        drawn = page(found, steps, f"{options.pairs}  {signature}")
        drawn.savefig(file, format="png", dpi=100)


if __name__ == "__main__":
    sys.exit(main())
