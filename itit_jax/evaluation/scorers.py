"""Scorers of a run, of one signature: (results, examples, config) -> {score: number}.

results: what a recipe's `score` made of the examples, a row each, or of a split of questions the
answers. examples: {"image", "text", "keys", "texts"} as inputs.held_out gives them. `_low` and
`_high` are the ends of an interval.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from data_pipelines.errors import UserError
from data_pipelines.scenes import oracle
from data_pipelines.scenes.world import Scene, preset
from itit_jax import inputs
from itit_jax.evaluation import (
    answers,
    caption_scores,
    collected,
    features,
    picture_scores,
    retrieval,
    scenes,
)

# Task: key of what a recipe made of the examples.
TEXTS = {"i2t": "caption", "t2i2t": "recaption"}
DRAWINGS = {"t2i": "drawn", "t2i_best": "best"}  # the best: of several, see best_of.choose
MEASURED = {**DRAWINGS, "tokenizer": "rebuilt"}  # by features, as sets
PICTURES = {**MEASURED, "i2t2i": "redrawn"}
ENDS = {"": "score", "_low": "low", "_high": "high"}


class Scorer(NamedTuple):
    """One row of the table: when it scores, and how."""

    asked: Callable[[Any], bool]  # of a config
    every: Callable[[Any], int]  # steps between its scores; 0: at every evaluation
    score: Callable[[dict, dict, Any], dict]


def of_examples(results, examples, config):
    """Of what a recipe gives as one number an example: their mean."""
    del examples, config
    return {name: float(values.mean()) for name, values in results.items() if values.ndim == 1}


def of_pairs(results, examples, config):
    """Recall of pictures by texts and of texts by pictures among the examples, a text a picture,
    where they have vectors in one space. The same are equal texts, equal pictures, and what has
    one key up to its #, such as pictures of one scene."""
    del config
    if not {"image_vector", "text_vector"} <= results.keys():
        return {}
    rows = examples["text"], examples["image"], stems(examples["keys"])
    same, vectors = map(retrieval.ids, rows), (results["image_vector"], results["text_vector"])
    return with_ends(retrieval.score(*vectors, list(same), groups=rows[-1]))


def of_answers(results, examples, config):
    """Exact match of answers, over all questions and by kind; intervals resample what pictures
    show, which their keys tell up to the #."""
    if "answer" not in results:
        return {}
    vocabulary = inputs.open_vocabulary(config)
    said = [vocabulary.decode(ids) for ids in results["answer"]]
    found = answers.score(said, examples["asked"], examples["of"], stems(examples["keys"]))
    return with_ends({f"answer_{name}": values for name, values in found.items()})


def stems(keys):
    """What tells whether two pictures show one thing: their keys up to the #."""
    return np.array([key.split("#")[0] for key in keys])


def with_ends(scores):
    """{name: (value, low, high)} -> {name: value, name_low, name_high}."""
    return {
        f"{name}{end}": value for name, values in scores.items() for end, value in zip(ENDS, values)
    }


def of_captions(results, examples, config):
    """BLEU, ROUGE-L and CIDEr of generated captions against all captions of each picture."""
    groups = stems(examples["keys"])
    return {
        f"{task}_{name.lower()}{end}": entry[key]
        for task, texts in texts_of(results, inputs.open_vocabulary(config)).items()
        for name, entry in caption_scores.score(texts, examples["texts"], groups=groups).items()
        for end, key in ENDS.items()
        if key in entry
    }


def of_pictures(results, examples, config):
    """FID, KID and their kin of drawings and of what the tokenizer rebuilt, against the pictures
    of the split, and by what (`t2i_features`, a text)."""
    found = {task: results[key] for task, key in MEASURED.items() if key in results}
    if not found:
        return {}
    if len(examples["image"]) < 2:
        raise UserError("evaluate.features needs two pictures and the split has one; leave it out.")
    extractor = features.find(config.evaluate.features)
    real, score = collected.of(extractor(examples["image"])), picture_scores.score
    sets = {task: collected.of(extractor(drawn)) for task, drawn in found.items()}
    return {"t2i_features": extractor.name} | {
        f"{task}_{name}{end}": entry[key]
        for task, drawn in sets.items()
        for name, entry in score(real, drawn, picture_scores.METRICS, extractor.name).items()
        for end, key in ENDS.items()
        if key in entry
    }


def of_scenes(results, examples, config):
    """What the oracle reads in pictures and captions, against the scenes they should show."""
    world = preset(config.evaluate.scenes)
    truth = [Scene.parse(key).objects for key in examples["keys"]]
    read = {
        task: oracle.read_pictures(results[key], world)
        for task, key in PICTURES.items()
        if key in results
    }
    for task, texts in texts_of(results, inputs.open_vocabulary(config)).items():
        read[task] = [oracle.read_caption(text, world) for text in texts]
    return {
        f"{task}_scene_{score}": value
        for task, objects in read.items()
        for score, value in scenes.score(objects, truth).items()
        if score != "n"
    }


def texts_of(results, vocabulary):
    """{task: texts} of the captions that there are."""
    return {
        task: [vocabulary.decode(ids) for ids in results[key]]
        for task, key in TEXTS.items()
        if key in results
    }


SCORERS = (
    Scorer(lambda c: True, lambda c: 0, of_examples),
    Scorer(lambda c: True, lambda c: 0, of_pairs),
    Scorer(lambda c: True, lambda c: 0, of_answers),
    Scorer(lambda c: c.evaluate.captions, lambda c: c.evaluate.captions_every, of_captions),
    Scorer(lambda c: bool(c.evaluate.features), lambda c: c.evaluate.features_every, of_pictures),
    Scorer(lambda c: bool(c.evaluate.scenes), lambda c: c.evaluate.scenes_every, of_scenes),
)
