"""The streams as seqio Tasks and a Mixture, and the engine that reads them through tf.data.

Needs the extra `data`. A row of a Task is made by the same NumPy code as in the grain engine, so
both engines yield the same bytes; seqio adds its registry, vocabularies and feature converters.
"""

import numpy as np
import seqio
import tensorflow as tf

from data_pipelines.errors import UserError
from data_pipelines.streams import FOREVER, STREAMS
from data_pipelines.words.pieces import Pieces

WORDS = ("text", "question", "answer")
DTYPES = {"image": (tf.uint8, 3), "tokens": (tf.int32, 1)} | dict.fromkeys(WORDS, (tf.int32, 1))


def read(streams, step):
    """Endless (step, batch) from `step` on, as engines.read yields them."""
    sets, faults = {}, []
    for name, rows in streams.rows.items():
        first = streams.positions(name, step)[0]
        share = rows // streams.hosts
        made = task(streams, name, _hosts_places(first, share, rows), faults)
        # Not taken apart: rows that are put together again cost a third of their decoding more.
        together, _ = made.preprocessors
        sets[name] = together(made.source.get_dataset("train", shuffle=False))
    joined = tf.data.Dataset.zip(sets).prefetch(4)
    try:
        yield from enumerate(joined.as_numpy_iterator(), start=step)
    except tf.errors.OpError as error:
        if faults:  # of which TensorFlow keeps the text alone
            raise faults[0] from error
        raise


def _hosts_places(first, share, rows):
    """Places of one host: `share` in a row, then on to the next global batch."""
    return lambda: tf.data.Dataset.range(FOREVER).map(
        lambda i: first + (i // share) * rows + i % share
    )


def task(streams, name, places=None, faults=None):
    """seqio Task of one stream; `places` makes the dataset of places, from 0 on if None; `faults`
    takes what ends the reading and the user can mend."""
    places = places or (lambda: tf.data.Dataset.range(FOREVER))
    source = seqio.FunctionDataSource(
        dataset_fn=lambda split, shuffle_files, seed=None: places().map(lambda p: {"place": p}),
        splits=("train",),
    )
    return seqio.Task(
        f"itit_{name}",
        source=source,
        preprocessors=[_read(streams, name, faults), lambda rows: rows.unbatch()],
        output_features=_features(streams, name),
    )


def register(streams, prefix):
    """Register the Tasks `prefix_STREAM` and the Mixture `prefix` that draws pairs by rate.

    Of a stream that weighs data sets also the Tasks `prefix_STREAM_0`, ... of one of them each, and
    the Mixture `prefix_STREAM_weighed` with these weights: seqio draws by chance, where the Task of
    the stream has exact shares.
    """
    for name in streams.rows:
        _register(f"{prefix}_{name}", task(streams, name))
        if weights := streams.weights(name):
            rates = [(f"{prefix}_{name}_{n}", float(rate)) for n, rate in enumerate(weights)]
            for number, (called, _) in enumerate(rates):
                _register(called, task(streams.alone(name, number), name))
            seqio.MixtureRegistry.add(f"{prefix}_{name}_weighed", rates)
    pairs = [n for n in streams.rows if STREAMS[n].image and STREAMS[n].text]
    if pairs:
        rates = [(f"{prefix}_{name}", float(streams.rows[name])) for name in pairs]
        seqio.MixtureRegistry.add(prefix, rates)


def _register(called, made):
    seqio.TaskRegistry.add(
        called,
        source=made.source,
        preprocessors=made.preprocessors,
        output_features=made.output_features,
    )


def _names(streams, name):
    return list(streams.at(name, np.zeros(1, np.int64)))


def _read(streams, name, faults):
    """Places -> features of the rows there, those of a step together, by the NumPy code that both
    engines share. One by one, each would cost half as much again."""
    at_once = streams.rows[name] // streams.hosts
    example = streams.at(name, np.zeros(1, np.int64))
    shapes = {n: (None, *v.shape[1:]) for n, v in example.items()}

    def rows(places):
        try:
            return list(streams.at(name, places).values())
        except UserError as error:
            if faults is not None:
                faults.append(error)
            raise

    def read(places):
        values = tf.numpy_function(rows, [places["place"]], [DTYPES[n][0] for n in shapes])
        return {n: tf.ensure_shape(v, shapes[n]) for n, v in zip(shapes, values)}

    return lambda dataset: dataset.batch(at_once).map(read)


def _vocabulary(words):
    if isinstance(words, Pieces):
        return seqio.SentencePieceVocabulary(words.path)
    return seqio.PassThroughVocabulary(words.size, eos_id=words.end)


def _features(streams, name):
    codes = seqio.PassThroughVocabulary(2**31 - 1)
    words = _vocabulary(streams.vocabulary) if streams.vocabulary else codes
    return {
        n: seqio.Feature(
            words if n in WORDS else codes,
            add_eos=False,
            dtype=DTYPES[n][0],
            rank=DTYPES[n][1],
        )
        for n in _names(streams, name)
    }
