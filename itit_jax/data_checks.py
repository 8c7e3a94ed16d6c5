"""Whether a data set and this machine have what a config asks of them. No JAX here, so that it is
told before anything starts."""

import importlib.util
import os

from data_pipelines import fetched
from data_pipelines.example import asks
from data_pipelines.records import read_info
from data_pipelines.scenes.world import PRESETS
from data_pipelines.streams import STREAMS
from data_pipelines.words.find import holds_words, open_words
from data_pipelines.words.t5_layout import in_t5_layout
from itit_jax import addresses, cluster
from itit_jax.config import ConfigError

HALVES = ("images", "texts")  # splits whose records have no text, or no picture
TRAINED = ("pairs", *HALVES, "questions")
LIMITS = {"pairs": "pairs", "lone_images": "images", "lone_texts": "texts"}  # key: its split
AHEAD = 4  # batches that are read ahead, see data_pipelines.engines
SEQIO = ("seqio", "tensorflow")


def check_data(config):
    """ConfigError with the first thing that is missing for training or scoring."""
    addresses.check(config.data.path)
    fetched.keep(config.data.cache, config.data.cache_gigabytes)
    info = read_info(config.data.path)
    checks = (_engine, _splits, _scenes, _limits, _memory)
    for sentence in (check(config, info) for check in checks):
        if sentence:
            raise ConfigError(sentence)
    open_vocabulary(config)


def vocabulary_path(config):
    """The file or folder of the vocabulary that a config means."""
    return config.data.vocabulary or config.data.path


def open_vocabulary(config):
    """The vocabulary, checked against the size of the model; None of pictures alone, for a model
    that knows no words."""
    if _wordless(config):
        return None
    vocabulary = in_t5_layout(open_words(vocabulary_path(config)))
    size = config.get("model", {}).get("vocabulary_size", vocabulary.size)
    if vocabulary.size > size:
        raise ConfigError(
            f"the vocabulary has {vocabulary.size} words but model.vocabulary_size is {size}; "
            f"set --config.model.vocabulary_size={vocabulary.size} or give its own vocabulary."
        )
    return vocabulary


def _wordless(config):
    if config.data.vocabulary or "vocabulary_size" in config.get("model", {}):
        return False
    splits = read_info(config.data.path)["splits"]
    return splits.keys() == {"images"} and not holds_words(config.data.path)


def _engine(config, info):
    del info
    missing = [name for name in SEQIO if importlib.util.find_spec(name) is None]
    if config.data.engine == "seqio" and missing:
        return (
            f"data.engine is seqio, which needs the package {missing[0]}, and that is not here; "
            "pip install 'itit_jax[data]', or give --config.data.engine=grain."
        )


def _splits(config, info):
    there = info["splits"]
    for split in config.evaluate.splits:
        if split in there and split not in HALVES:
            continue
        lacks = "has no text and picture together" if split in there else "is not there"
        others = ", ".join(there)
        held_out = [n for n in there if n not in TRAINED and asks(n) == asks(split)]
        if held_out:
            way = f"give --config.evaluate.splits={','.join(held_out)}"
        else:
            way = (
                "give --config.evaluate.splits= (nothing) to train without scores, or build the "
                "data set with --test=0.1"
            )
        return (
            f"evaluate.splits asks for {split}, which {lacks} in {config.data.path} "
            f"({others}); {way}."
        )


def _scenes(config, info):
    name = config.evaluate.scenes
    if name and name not in PRESETS:
        return f"evaluate.scenes is {name}, and the presets are {', '.join(PRESETS)}; give one."
    if name and info.get("name") in ("folder", "emoji"):  # what others are made of nobody knows
        return (
            f"evaluate.scenes is {name}, but {config.data.path} was not made of scenes, which "
            "alone its oracle reads; give --config.evaluate.scenes= (nothing)."
        )


def _limits(config, info):
    for key, split in LIMITS.items():
        asked, there = config.data[key], info["splits"].get(split, {}).get("records", 0)
        used = any(config.data.rows[n] for n, stream in STREAMS.items() if stream.split == split)
        if used and asked and split in HALVES and split not in info["splits"]:
            return (
                f"data.{key} is {asked:,}, but {config.data.path} has no {split} of its own and "
                f"lends those of its pairs; give --config.data.{key}=0, and limit data.pairs if "
                "you mean these."
            )
        if used and split in info["splits"] and asked > there:
            return (
                f"data.{key} is {asked:,}, but {config.data.path} has {there:,} {split}; give "
                f"--config.data.{key}={there} or build a larger data set."
            )


def _memory(config, info):
    """The rows of one step of one process, as they are read ahead, beside the memory there is."""
    del info
    rows = config.data.rows
    picture, text = config.data.image_size**2 * 3, config.data.text_length * 4
    asked = text + config.data.answer_length * 4
    size = {
        name: rows[name] * (stream.image * picture + stream.text * text + stream.asked * asked)
        for name, stream in STREAMS.items()
    }
    needed, there = AHEAD * sum(size.values()) // cluster.processes(), memory()
    if needed > there:
        return (
            f"the rows of {AHEAD} steps, which are read ahead, take {needed / 2**30:,.0f} GiB and "
            f"this machine has {there / 2**30:,.0f}; lower data.rows.{max(size, key=size.get)}, "
            "data.image_size or data.text_length."
        )


def memory():
    """Bytes of this machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
