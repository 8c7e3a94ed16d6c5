"""Where a config meets data_pipelines: its streams, its vocabulary, its held-out examples."""

import itertools
import os

from data_pipelines import engines, fetched, spread, streams
from data_pipelines.augment import Augment
from data_pipelines.example import QUESTIONS, asks
from data_pipelines.records import Records, digest, read_info
from data_pipelines.words.find import open_words
from data_pipelines.words.t5_layout import in_t5_layout
from data_pipelines.words.train import training_texts
from itit_jax import retold
from itit_jax.data_checks import open_vocabulary
from itit_jax.exported import VOCABULARIES, WORDS
from itit_jax.recipes import base


def share_cut(config, vocabulary, sample=2000):
    """Share of the first texts that are longer than data.text_length and so lose their end."""
    texts = list(itertools.islice(training_texts(config.data.path), sample))
    return _share_longer(texts, vocabulary, config.data.text_length)


def answers_cut(config, vocabulary, sample=2000):
    """Share of the answers of the first questions that are longer than data.answer_length."""
    records = Records(config.data.path, QUESTIONS)
    found = (each.answer for record in records for each in record.asked)
    answers = list(itertools.islice(found, sample))
    return _share_longer(answers, vocabulary, config.data.answer_length)


def _share_longer(texts, vocabulary, length):
    return sum(vocabulary.count(text) > length for text in texts) / max(len(texts), 1)


def keep_vocabulary(vocabulary, run):
    """So that a run can be used where its data set is not."""
    for name, data in vocabulary.files().items():
        run.keep(name, data)


def kept_vocabulary(run):
    """The vocabulary that a run was trained with."""
    return in_t5_layout(open_words(run.path))


def given_vocabulary(export, about):
    """The vocabulary of an export, whose itit_jax.json says `about`; None of a model that reads no
    texts. By file: of a folder, another one that lies there might be taken, which nobody checked.
    """
    names = [f"{WORDS}/{name}" for name in VOCABULARIES]
    there = [name for name in names if name in about["sha256"]]
    return in_t5_layout(open_words(os.path.join(export, there[0]))) if there else None


def dataset_digest(config):
    """Hash of the records of the data set, wherever it lies."""
    return digest(read_info(config.data.path))


def open_streams(config, recipe, host, hosts):
    """Streams of the rows that a recipe reads, for one host of so many."""
    data = config.data
    return streams.Streams(
        data.path,
        base.rows(recipe),
        seed=config.seed,
        image_size=data.image_size,
        text_length=data.text_length,
        answer_length=data.answer_length,
        vocabulary=open_vocabulary(config),
        window=data.window,
        mixture=dict(data.mixture),
        bad_budget=data.bad_budget,
        limits={"pairs": data.pairs, "images": data.lone_images, "texts": data.lone_texts},
        host=host,
        hosts=hosts,
        tokens=data.tokens or None,
        augment=Augment(**data.augment),
    )


def read_streams(config, opened, recipe, step):
    """Endless (step, batch) from `step` on, by the engine that the config names.

    A batch holds what the recipe's batch_spec asks for and nothing else.
    """
    told = retold.Retold(opened.vocabulary, retold.of(recipe))
    array = lambda rows, key: told(rows["text"]) if key == retold.READ else rows[key]
    for number, batch in engines.read(opened, step, config.data.engine):
        yield number, {name: {key: array(batch[name], key) for key in keys}
                       for name, keys in recipe.batch_spec.items()}  # fmt: skip


def stop_reading():
    """Fetch no more of a data set in a bucket."""
    fetched.let_go()


def held_out(config, split, count):
    """`count` examples spread over a split: arrays "image", "text", lists "keys", "texts"; of a
    split of questions as asked_examples gives them."""
    examples = spread.asked_examples if asks(split) else spread.examples
    return examples(
        config.data.path,
        split,
        count,
        image_size=config.data.image_size,
        text_length=config.data.text_length,
        vocabulary=open_vocabulary(config),
    )
