"""Of several drawings of each held-out text the one that a judge likes best."""

import functools

import jax
import numpy as np

from itit_jax import retold
from itit_jax.batches import batches_of
from itit_jax.evaluation.rows import BATCH, jitted, mesh_of
from itit_jax.towers import judge
from itit_jax.towers.trained import open_towers

OTHERS = 1_000  # a stream of random numbers beside that of scoring


@functools.cache
def judge_of(folder):
    """The judge of that folder, loaded once however often a run is scored."""
    return open_towers(folder)


def choose(recipe, params, examples, drawn, asked):
    """The best of asked.best_of drawings of each text by asked.judge: "best" uint8 [n, h, w, 3],
    the cosines [n] that the judge gives to "drawn" uint8 [n, h, w, 3], the first of them, and to
    the best, and how many of the drawings are different."""
    towers, best, cosines, distinct = judge_of(asked.judge), [], [], []
    draw = jitted(recipe.draw, mesh_of(params))
    for number, (index, count) in enumerate(batches_of(range(len(drawn)), BATCH)):
        texts = [examples["texts"][i][0] for i in index]
        text = retold.read(recipe, texts).get(retold.READ, examples["text"][np.array(index)])
        # Not of the key of "drawn" itself, from which a recipe may have split one of these.
        batch_key = jax.random.fold_in(jax.random.key(number), OTHERS)
        keys = jax.random.split(batch_key, asked.best_of - 1)
        more = [jax.device_get(draw(params, text, each))[:count] for each in keys]
        turns = np.stack([drawn[index[:count]], *more])
        cosines.append(judge.cosines(towers, turns, texts[:count]))
        distinct.append(distinct_of(turns))
        best.append(turns[cosines[-1].argmax(axis=0), np.arange(count)])
    cosines = np.concatenate(cosines, axis=1)
    return {
        "best": np.concatenate(best), "drawn_cosine": cosines[0],
        "best_cosine": cosines.max(axis=0), "distinct_drawings": np.concatenate(distinct),
    }  # fmt: skip


def distinct_of(turns):
    """k drawings uint8 [k, n, h, w, 3] of each of n texts -> float64 [n]: how many differ."""
    texts = np.swapaxes(turns, 0, 1)
    return np.array([len({each.tobytes() for each in drawings}) for drawings in texts], np.float64)
