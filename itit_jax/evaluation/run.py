"""Scores a run: held-out losses, and what the scorers make of its drawings and captions.

python -m itit_jax.main --mode=eval --workdir=RUN
"""

import functools

import jax
import numpy as np

from data_pipelines.errors import UserError
from itit_jax import companions, compiled, inputs, parts, retold, sharding
from itit_jax.batches import batches_of
from itit_jax.cadence import due
from itit_jax.evaluation.scorers import SCORERS
from itit_jax.recipes import base
from itit_jax.report import told
from itit_jax.screen import Screen
from itit_jax.towers import judge
from itit_jax.towers.trained import open_towers
from itit_jax.workdir import Workdir

BATCH = 50  # examples a call; the same shape for every split, so that it compiles once


def run(config, workdir):
    """--mode=eval: scores the newest checkpoint of `workdir` into its eval.json."""
    compiled.keep(config.compile_cache)
    recipe, screen, place = base.find(config), Screen(), Workdir(workdir)
    check_data(config, place)
    params, step = parts.restore_params(recipe, config, workdir)
    with screen.phase(f"evaluating step {step}"):
        scores = evaluate(config, recipe, params)
    place.keep_scores(step, scores)
    for line in told(scores):
        screen.say(line)
    return 0


def check_data(config, run):
    """Refuses another data set or vocabulary than the run was trained with, wherever it lies."""
    found = {"dataset": inputs.dataset_digest(config)}
    if "vocabulary" in run.companions():
        found["vocabulary"] = inputs.open_vocabulary(config).digest
    companions.check(run, found)


def evaluate(config, recipe, params, *, done=None, most=None):
    """{split: {score: number}} after `done` steps, by the scorers that are due then (by default
    all that are asked for), of at most `most` examples (by default evaluate.examples)."""
    total = config.train.steps
    if config.evaluate.best_of > 1:
        judge_of(config.evaluate.judge)  # what is no judge is told before the work
    scorers = [
        scorer
        for scorer in SCORERS
        if scorer.asked(config)
        and (done is None or not scorer.every(config) or due(done, scorer.every(config), total))
    ]
    check_answers(config, recipe)
    count = min(most or config.evaluate.examples, config.evaluate.examples)
    return {
        split: evaluate_split(config, recipe, params, split, count, scorers)
        for split in config.evaluate.splits
    }


def evaluate_split(config, recipe, params, split, count, scorers):
    """{score: number}, with `_low` and `_high` where there is an interval."""
    examples = inputs.held_out(config, split, count)
    if "question" in examples:
        results = answer_rows(recipe, params, examples)
    else:
        results = score_rows(recipe, params, examples)
    if config.evaluate.best_of > 1 and "drawn" in results:
        results |= choose(recipe, params, examples, results["drawn"], config.evaluate)
    scores = {"examples": len(examples["keys"])}
    for scorer in scorers:
        scores |= scorer.score(results, examples, config)
    return scores


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


def check_answers(config, recipe):
    """UserError if a split of questions is to be scored and nobody answers them."""
    asked = [split for split in config.evaluate.splits if inputs.asks(split)]
    if asked and not isinstance(recipe, base.Answers):
        raise UserError(
            f"evaluate.splits asks for {asked[0]}, and the recipe {config.recipe} answers no "
            "questions; take it out."
        )


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
        texts, key = [examples["texts"][i][0] for i in index], jax.random.key(number)
        text = retold.read(recipe, texts).get(retold.READ, examples["text"][np.array(index)])
        keys = [jax.random.fold_in(key, turn) for turn in range(1, asked.best_of)]
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
