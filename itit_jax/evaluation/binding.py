"""Does a space of pictures and texts know which word belongs to which object?

python -m itit_jax.evaluation.binding DATA:split --tower=RUN_OR_FOLDER [--out=binding.json]

A picture of two objects, its caption, and that caption with one attribute exchanged between the
two: the same words, another scene. The share of pictures that lie nearer to their own caption; a
space that hears words without their order says 0.5. Recall among other scenes hardly asks this.
"""

import math
import sys

import numpy as np

from configs.commands import Argument, command
from data_pipelines import streams
from data_pipelines.errors import UserError
from data_pipelines.records import Records, read_info
from data_pipelines.scenes.grammar import place_names
from data_pipelines.scenes.world import PRESETS, Scene
from itit_jax.evaluation import geometry, out_files
from itit_jax.evaluation.intervals import bootstrap
from itit_jax.evaluation.pair_scores import cosines

EXCHANGES = ("colour", "shape", "size", "place")
ARGUMENTS = {
    "pairs": Argument("", "a split of scenes, such as data/tiny:test", form="DIR:SPLIT"),
    "--tower": geometry.ARGUMENTS["--tower"],
    "--out": out_files.ARGUMENT,
}


@command("itit_jax.evaluation.binding", "does a tower know what is where?", ARGUMENTS)
def main(options):
    """Prints the shares and their intervals."""
    out_files.check(options.out)
    folder, _ = geometry.read_texts(options.pairs)
    split, preset = options.pairs.rpartition(":")[2], read_info(folder)["parameters"].get("preset")
    scenes = [Scene.parse(record.key) for record in Records(folder, split) if preset in PRESETS]
    if not any(len(scene.objects) == 2 for scene in scenes):
        raise UserError(f"{options.pairs} has no scenes of two objects; give a split that does.")
    from itit_jax.towers.trained import open_towers  # JAX starts once the inputs are known good

    towers = open_towers(options.tower)
    found = score(towers, scenes, streams.images(folder, split, 0), PRESETS[preset])
    for name, (share, low, high) in found.items():
        interval = "" if math.isnan(low) else f"  95 % {low:.3f} to {high:.3f}"
        print(f"{name:8s} {share:.3f}{interval}")
    out_files.write(options.out, {"pairs_of": options.pairs, "tower": towers.signature, **found})


def score(towers, scenes, pictures, world):
    """{exchange: (share, low, high)} of the scenes of two objects, and "all": nearer to the own
    caption than to any exchange. pictures: uint8 [h, w, 3] of each scene."""
    chosen = [(s, p) for s, p in zip(scenes, pictures, strict=True) if len(s.objects) == 2]
    seen = towers.image_features([picture for _, picture in chosen])
    near = lambda rows, some: cosines(
        seen[rows], towers.text_features([said(scene, world) for scene in some])
    )
    own = near(np.arange(len(chosen)), [scene for scene, _ in chosen])
    found, every = {}, np.ones(len(chosen), bool)
    for name in EXCHANGES:
        others = {i: other for i, (s, _) in enumerate(chosen) if (other := exchanged(s, name))}
        if rows := list(others):
            right = own[rows] > near(rows, others.values())
            every[rows] &= right
            found[name] = bootstrap(right)
    return found | {"all": bootstrap(every)}


def exchanged(scene, name):
    """The scene with one attribute of its two objects exchanged; None where that is the same."""
    one, two = scene.objects
    mine, theirs = getattr(one, name), getattr(two, name)
    other = Scene(tuple(sorted((one._replace(**{name: theirs}), two._replace(**{name: mine})))))
    return None if other == scene else other


def said(scene, world):
    """A caption of one form, and of one word for each attribute."""
    places = place_names(world)
    things = (f"a {o.size} {o.colour} {o.shape} in the {' '.join(places[o.place])}"
              for o in scene.objects)  # fmt: skip
    return " and ".join(things)


if __name__ == "__main__":
    sys.exit(main())
