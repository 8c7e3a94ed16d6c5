"""A sheet of held-out examples: what is there, rebuilt, drawn and captioned."""

import numpy as np

from itit_jax import inputs
from itit_jax.evaluation.rows import answer_rows, score_rows
from itit_jax.sheets import draw_sheet

PICTURES = ("rebuilt", "drawn")


def sheet(config, recipe, params, split):
    """PIL picture with sample.rows examples of a split."""
    examples = inputs.held_out(config, split, config.sample.rows)
    if "question" in examples:
        return _questions(config, recipe, params, examples)
    results = score_rows(recipe, params, examples)
    pictures = {"picture": examples["image"]}
    pictures |= {name: results[name] for name in PICTURES if name in results}
    texts = {"text": [texts[0] for texts in examples["texts"]]}
    if "caption" in results:
        vocabulary = inputs.open_vocabulary(config)
        texts["caption"] = [vocabulary.decode(ids) for ids in results["caption"]]
    return draw_sheet(pictures, texts)


def _questions(config, recipe, params, examples):
    """PIL picture with a question about each of the pictures, in turn the first, the second ..."""
    index = _one_each(examples["of"])
    rows = {name: examples[name][index] for name in ("question", "of")}
    found = answer_rows(recipe, params, {"image": examples["image"], **rows})
    vocabulary, asked = inputs.open_vocabulary(config), [examples["asked"][i] for i in index]
    texts = {
        "question": [each.question for each in asked],
        "right": [each.answer for each in asked],
        "answer": [vocabulary.decode(ids) for ids in found["answer"]],
    }
    return draw_sheet({"picture": examples["image"][rows["of"]]}, texts)


def _one_each(of):
    """Places of one question of each picture, of every next picture the next: int [n] -> [m]."""
    places = [np.flatnonzero(of == picture) for picture in np.unique(of)]
    return np.array([some[turn % len(some)] for turn, some in enumerate(places)])
