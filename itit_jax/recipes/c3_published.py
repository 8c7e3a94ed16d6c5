"""C3 on published weights: the towers of CLIP or SigLIP, and GPT-2 as the captioner's decoder.

The towers (tower.weights=FOLDER) read texts in words of their own; the captioner writes in those of
data.vocabulary: GPT-2's, where it starts from GPT-2 (decoder.weights=FOLDER).
"""

import jax
import numpy as np

from data_pipelines.errors import UserError
from itit_jax.models import t5, towers
from itit_jax.other_runs import config_of, exported_run
from itit_jax.towers import published
from itit_jax.towers.words import TowerWords
from itit_jax.weights import load as weights
from itit_jax.weights.containers.find import folder_of, read_config
from itit_jax.weights.told import GPT2_HEADS

FIRST = t5.EOS + 1  # where others' words begin in T5's layout


def tower(config):
    """The module of the towers of a run, of an export, or of published weights."""
    if not _is_published(config):
        return towers.from_config(config_of(config.tower, "tower", "towers"))
    path, size = config.tower.weights, config.data.image_size
    found = published.describe(path)[1]
    if not (found.image and found.text):
        raise UserError(
            f"{path} holds one tower alone; give --config.tower.weights that hold both."
        )
    if found.image.size != size:
        raise UserError(
            f"data.image_size is {size}, but the tower in {path} reads {found.image.size} pixels a "
            f"side; set --config.data.image_size={found.image.size}."
        )
    return found


def words(config, network):
    """TowerWords of published towers; None where the tower reads what this run writes."""
    if not _is_published(config):
        return None
    return TowerWords(folder_of(config.tower.weights), network.text)


def _is_published(config):
    section = config.tower
    return bool(section.weights) and not section.workdir and not exported_run(section.weights)


def load_decoder(path, abstract, heads):
    """GPT-2's weights as the decoder: behind padding and end its words (T5's layout), and as many
    of its places as there are here. Also our own, as they are."""
    kind, found = weights.read(path, "decoder")
    said = read_config(path) if kind == "gpt2" else {}
    theirs = said.get("n_head", GPT2_HEADS) if said else heads
    if theirs != heads:
        raise UserError(
            f"{path} has {theirs} attention heads, which no tensor tells, and this run {heads}; "
            f"set --config.model.captioner.heads={theirs}."
        )
    table, places = abstract["word_embedding"], abstract["word_positions"]
    count, longest = (found[name].shape[0] for name in ("word_embedding", "word_positions"))
    if (count, longest) == (table.shape[0], places.shape[0]):
        return weights.load(path, abstract, "decoder")
    if count + FIRST != table.shape[0] or longest < places.shape[0]:
        raise UserError(
            f"{path} has {count:,} words and {longest:,} places, and this run {table.shape[0]:,} "
            f"and {places.shape[0]:,}; set --config.model.vocabulary_size={count + FIRST}, give "
            "its vocabulary, --config.data.vocabulary=FOLDER, and a data.text_length that fits."
        )
    theirs = {"word_embedding": _of(table, count), "word_positions": _of(places, longest)}
    loaded = weights.load(path, abstract | theirs, "decoder")
    rows, positions = (np.asarray(loaded[name]) for name in theirs)
    end = rows[-1:]  # <|endoftext|> is the last of GPT-2's words
    return loaded | {
        "word_embedding": jax.device_put(np.concatenate([end, end, rows]), table.sharding),
        "word_positions": jax.device_put(positions[: places.shape[0]], places.sharding),
    }


def _of(leaf, rows):
    """The shape of a table with so many rows, on a device of this process."""
    here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    return jax.ShapeDtypeStruct((rows, *leaf.shape[1:]), leaf.dtype, sharding=here)
