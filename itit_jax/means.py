"""Means of what frozen parts say of the training data, taken once and kept with the run."""

import contextlib
import itertools

import numpy as np

from itit_jax import distributed, encode, inputs, retold
from itit_jax.recipes import base
from itit_jax.screen import Screen

# Split that a mean is over: the key that limits its records. Questions are about pictures of pairs.
LIMITS = {"pairs": "pairs", "images": "lone_images", "texts": "lone_texts"}


def take_once(config, recipe, run):
    """Takes the means that the recipe stands on into the run, unless they are there."""
    if isinstance(recipe, base.Means):
        if not run.means():
            found = {name: mean(config, recipe, name).tolist() for name in recipe.means}
            if distributed.is_lead():
                run.keep_means(found)
        distributed.wait_for_all("means")  # also who came when they were there


def mean(config, recipe, name):
    """float32 [d]: over every row of the training records that the config lets the run read."""
    encoding = recipe.means[name]
    say_of = encode.load(recipe, config, None, encoding)
    source = _source(config, recipe, encoding.reads)
    say = encode.Sayer(encoding, say_of, source.row)
    total, count = np.zeros(say.out["shape"]), 0
    with contextlib.closing(Screen()) as screen:
        for split in filter(LIMITS.__contains__, source.splits):
            rows = int(source.starts(split)[_limit(config, split)])
            told = encode.HowFar(screen, f"{split}: mean {name}", rows, config.log.seconds)
            for said in told.of(say(itertools.islice(source.rows(split), rows))):
                total += said.sum(axis=0, dtype=np.float64)
                count += len(said)
    return (total / count).astype(np.float32)


def _source(config, recipe, reads):
    if reads == "image":
        return encode.pictures(config.data.path, config.data.image_size)
    if words := retold.of(recipe):
        return encode.texts(config.data.path, words, words.length)
    vocabulary = inputs.open_vocabulary(config)
    return encode.texts(config.data.path, vocabulary, config.data.text_length)


def _limit(config, split):
    """Records of the split that the run reads; -1: all, the last place of its starts."""
    return config.data[LIMITS[split]] or -1
