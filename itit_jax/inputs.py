"""Where a config meets data_pipelines: its streams, its vocabulary, its held-out examples."""

import itertools
import os
import shutil

from data_pipelines import engines, streams
from data_pipelines.texts import Vocabulary, training_texts
from itit_jax.config import ConfigError

VOCABULARY = "vocabulary.model"


def vocabulary_path(config):
    """The SentencePiece model that a config means."""
    return config.data.vocabulary or os.path.join(config.data.path, VOCABULARY)


def open_vocabulary(config):
    """The vocabulary, checked against the size of the model."""
    vocabulary = Vocabulary(vocabulary_path(config))
    size = config.get("model", {}).get("vocabulary_size", vocabulary.size)
    if vocabulary.size > size:
        raise ConfigError(
            f"the vocabulary has {vocabulary.size} words but model.vocabulary_size is {size}; "
            f"set --config.model.vocabulary_size={vocabulary.size} or give its own vocabulary."
        )
    return vocabulary


def share_cut(config, vocabulary, sample=2000):
    """Share of the first texts that are longer than data.text_length and so lose their end."""
    texts = list(itertools.islice(training_texts(config.data.path), sample))
    return sum(vocabulary.count(t) > config.data.text_length for t in texts) / max(len(texts), 1)


def copy_vocabulary(vocabulary, workdir):
    """So that a workdir can be used where the data set is not."""
    shutil.copyfile(vocabulary.path, os.path.join(workdir, VOCABULARY))


def kept_vocabulary(workdir):
    """The vocabulary that a run was trained with."""
    return Vocabulary(os.path.join(workdir, VOCABULARY))


def open_streams(config, rows, *, host, hosts):
    """Streams of the rows that a recipe reads, for one host."""
    data = config.data
    return streams.Streams(
        data.path,
        rows,
        seed=config.seed,
        image_size=data.image_size,
        text_length=data.text_length,
        vocabulary=open_vocabulary(config),
        limits={"pairs": data.pairs, "images": data.lone_images, "texts": data.lone_texts},
        host=host,
        hosts=hosts,
        tokens=data.tokens or None,
    )


def read_streams(config, opened, step):
    """Endless (step, batch) from `step` on, by the engine that the config names."""
    return engines.read(opened, step, config.data.engine)


def held_out(config, split, count):
    """`count` examples spread over a split: arrays "image", "text", lists "keys", "texts"."""
    return streams.examples(
        config.data.path,
        split,
        count,
        image_size=config.data.image_size,
        text_length=config.data.text_length,
        vocabulary=open_vocabulary(config),
    )
