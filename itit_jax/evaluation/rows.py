"""What a recipe says of held-out examples, some of them at a time."""

import functools

import jax
import numpy as np

from itit_jax import retold, sharding
from itit_jax.batches import batches_of

BATCH = 50  # examples a call; the same shape for every split, so that it compiles once


@functools.cache
def jitted(function, mesh):
    """A method of a recipe, compiled once however often it is asked for; every host gets all
    results."""
    return jax.jit(function, out_shardings=sharding.replicated(mesh))


def mesh_of(params):
    """Where parameters lie."""
    return jax.tree.leaves(params)[0].sharding.mesh


def score_rows(recipe, params, examples):
    """recipe.score over all "image" and "text" of the examples -> {name: array [n, ...]}."""
    score = jitted(recipe.score, mesh_of(params))
    arrays = {name: examples[name] for name in ("image", "text")}
    if retold.of(recipe):
        arrays |= retold.read(recipe, [texts[0] for texts in examples["texts"]])
    done = []
    for number, (index, count) in enumerate(batches_of(range(len(examples["image"])), BATCH)):
        rows = {name: values[np.array(index)] for name, values in arrays.items()}
        results = jax.device_get(score(params, rows, jax.random.key(number)))
        done.append({name: values[:count] for name, values in results.items()})
    return {name: np.concatenate([part[name] for part in done]) for name in done[0]}


def answer_rows(recipe, params, examples):
    """The answers to all "question" of the examples -> {"answer": word ids [n, t]}."""
    answer, done = jitted(recipe.answer, mesh_of(params)), []
    for number, (index, count) in enumerate(batches_of(range(len(examples["of"])), BATCH)):
        images = examples["image"][examples["of"][index]]
        words, key = examples["question"][np.array(index)], jax.random.key(number)
        done.append(jax.device_get(answer(params, images, words, key))[:count])
    return {"answer": np.concatenate(done)}
