"""Scores a run: held-out losses, tokenizer error, and on scenes the oracle's F1 with intervals.

python -m itit_jax.main --mode=eval --workdir=RUN
"""

import functools
import json
import os
import pathlib

import jax
import numpy as np

from data_pipelines.errors import UserError
from data_pipelines.scenes import oracle
from data_pipelines.scenes.world import Scene, preset
from itit_jax import inputs, sharding
from itit_jax.distributed import is_lead
from itit_jax.evaluation import captions, collected, features, images, scenes
from itit_jax.recipes import base
from itit_jax.report import Report
from itit_jax.state import restore_params

BATCH = 50  # examples a call; the same shape for every split, so that it compiles once


def run(config, workdir):
    """--mode=eval: scores the newest checkpoint of `workdir` into its eval.json."""
    recipe = base.find(config)
    params, step = restore_params(recipe, config, workdir)
    report = Report(workdir, config.train.steps, config.log.seconds, start=step)
    write(config, workdir, recipe, params, step=step, report=report)
    report.close()
    return 0


def write(config, workdir, recipe, params, *, step, report):
    """Score `params` and file the scores under `step` in eval.json, whole or not at all."""
    with report.phase(f"evaluating step {step}"):
        scores = {
            split: evaluate(config, recipe, params, split) for split in config.evaluate.splits
        }
    if not is_lead():
        return scores
    file = pathlib.Path(workdir) / "eval.json"
    history = json.loads(file.read_text()) if file.exists() else {}
    history[str(step)] = scores
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(history, indent=1))
    os.replace(fresh, file)
    for split, values in scores.items():
        shown = {k: v for k, v in values.items() if not k.endswith(("_low", "_high"))}
        line = (f"{k} {v if isinstance(v, str) else format(v, '.3f')}" for k, v in shown.items())
        report.say(f"{split}: " + "  ".join(line))
    return scores


def evaluate(config, recipe, params, split):
    """Scores of one split: {name: number}, with `_low` and `_high` where there is an interval.

    `t2i_features` is text: the network that the scores of drawings hold for.
    """
    examples = inputs.held_out(config, split, config.evaluate.examples)
    world = preset(config.evaluate.scenes) if config.evaluate.scenes else None
    arrays = {"image": examples["image"], "text": examples["text"]}
    results = score_rows(recipe, params, arrays)
    scores = {"examples": len(examples["keys"])}
    for name, values in results.items():
        if values.ndim == 1:  # one number an example
            scores[name] = float(values.mean())
    if config.evaluate.captions:
        scores |= caption_scores(results, examples["texts"], inputs.open_vocabulary(config))
    if config.evaluate.features and "drawn" in results:
        scores |= picture_scores(results["drawn"], examples["image"], config.evaluate.features)
    if world:
        truth = [Scene.parse(key).objects for key in examples["keys"]]
        scores |= scene_scores(results, truth, world, inputs.open_vocabulary(config))
    return scores


# Task: key of what a recipe made of the examples.
TEXTS = {"i2t": "caption", "t2i2t": "recaption"}
PICTURES = {"t2i": "drawn", "i2t2i": "redrawn", "tokenizer": "rebuilt"}


def texts_of(results, vocabulary):
    """{task: texts} of the captions that there are."""
    return {
        task: [vocabulary.decode(ids) for ids in results[key]]
        for task, key in TEXTS.items()
        if key in results
    }


def caption_scores(results, references, vocabulary):
    """BLEU, ROUGE-L and CIDEr of generated captions against all captions of each picture."""
    return {
        f"{task}_{name.lower()}{end}": entry[key]
        for task, texts in texts_of(results, vocabulary).items()
        for name, entry in captions.score(texts, references).items()
        for end, key in (("", "score"), ("_low", "low"), ("_high", "high"))
    }


def picture_scores(drawn, real, spec):
    """FID, KID and their kin of drawings against the pictures of the split, and by what."""
    if len(real) < 2:
        raise UserError("evaluate.features needs two pictures and the split has one; leave it out.")
    extractor = features.find(spec)
    sets = [collected.of(extractor(pictures)) for pictures in (real, drawn)]
    found = images.score(*sets, images.METRICS, extractor.name)
    return {"t2i_features": extractor.name} | {
        f"t2i_{name}{end}": entry[key]
        for name, entry in found.items()
        for end, key in (("", "score"), ("_low", "low"), ("_high", "high"))
        if key in entry
    }


def scene_scores(results, truth, world, vocabulary):
    """What the oracle reads in pictures and captions, against the scenes they should show."""
    read = {
        task: oracle.read_pictures(results[key], world)
        for task, key in PICTURES.items()
        if key in results
    }
    for task, texts in texts_of(results, vocabulary).items():
        read[task] = [oracle.read_caption(text, world) for text in texts]
    return {
        f"{task}_scene_{score}": value
        for task, objects in read.items()
        for score, value in scenes.score(objects, truth).items()
        if score != "n"
    }


@functools.cache
def jitted_score(recipe, mesh):
    """recipe.score, compiled once however often it is asked for; every host gets all results."""
    return jax.jit(recipe.score, out_shardings=sharding.replicated(mesh))


def score_rows(recipe, params, arrays):
    """recipe.score over all rows of `arrays`, in batches of one size -> arrays of all rows."""
    score = jitted_score(recipe, jax.tree.leaves(params)[0].sharding.mesh)
    count = len(arrays["image"])
    parts = []
    for number, start in enumerate(range(0, count, BATCH)):
        index = np.arange(start, start + BATCH) % count  # the last batch is filled from the front
        rows = {name: values[index] for name, values in arrays.items()}
        parts.append(jax.device_get(score(params, rows, jax.random.key(number))))
    return {name: np.concatenate([p[name] for p in parts])[:count] for name in parts[0]}
