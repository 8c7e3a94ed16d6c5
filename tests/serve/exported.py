"""A tiny export with random weights, all of it in layouts that other libraries open.

python -m tests.serve.exported --out=FOLDER --seed=0

Beside it FOLDER.npz: inputs, and what our networks make of them, for tests/serve/open_export.py.
FOLDER_clip and FOLDER_siglip are the same of towers.
"""

import argparse
import itertools
import pathlib
import sys

import jax
import numpy as np

from configs import towers as towers_keys
from data_pipelines import images
from data_pipelines.words.pieces import Pieces
from data_pipelines.words.train import train_pieces
from itit_jax.recipes import base
from itit_jax.serve import export
from itit_jax.serve.trained import Trained
from tests import tiny

# What the decoder of the tokenizer has to show: attention, a wider level, few codes.
TOKENIZER = """
from configs import vq

def get_config():
    c = vq.defaults()
    c.data.image_size = 16
    c.data.rows.images = 8
    c.model.update(base_channels=32, channel_multipliers=(1, 2), res_blocks=1, latent_channels=6)
    c.model.update(attention_resolutions=(8,), codes=11, code_width=4)
    c.model.update(MORE)
    return c
"""
SIDE, LENGTH, PIECES = 16, 24, 60
TEXTS = [
    " ".join(words)
    for words in itertools.product(
        ("a", "there is a"), ("big", "small"), ("red", "green", "blue"), ("circle", "square"),
        ("in the top left", "at the bottom right", "top right,  and"),
    )
]  # fmt: skip


def trained(folder, seed=0, **model):
    """Trained of random parameters; `folder` takes the files that it needs. model: other keys of
    the tokenizer's model than those above."""
    (folder / "tokenizer.py").write_text(TOKENIZER.replace("MORE", f"**{model}"))
    (folder / "vocabulary.model").write_bytes(train_pieces(TEXTS, PIECES))
    config = tiny.itit_config(
        tokenizer__config=str(folder / "tokenizer.py"),
        data__image_size=SIDE,
        data__text_length=LENGTH,
        model__vocabulary_size=PIECES,
        text_encoder__layers=2,
    )
    recipe = base.find(config)
    params = random_like(jax.eval_shape(recipe.init, jax.random.key(0)), seed)
    vocabulary = Pieces(folder / "vocabulary.model")
    return Trained(folder, config, recipe, params, 5, vocabulary)


def towers(folder, family, seed=0):
    """Trained of random towers of a family; `folder` takes its vocabulary."""
    (folder / "vocabulary.model").write_bytes(train_pieces(TEXTS, PIECES))
    c = towers_keys.defaults()
    c.data.update(image_size=SIDE, text_length=LENGTH)
    c.data.rows.caption = 8
    c.model.update(family=family, features=16, vocabulary_size=PIECES)
    for tower in (c.model.image, c.model.text):
        tower.update(width=16, depth=2, heads=2, mlp_width=24)
    c.model.image.patch = 8
    c.loss.contrast = {"siglip": "sigmoid", "clip": "infonce"}[family]
    recipe = base.find(c)
    params = random_like(jax.eval_shape(recipe.init, jax.random.key(0)), seed)
    return Trained(folder, c, recipe, params, 5, Pieces(folder / "vocabulary.model"))


def random_like(shapes, seed):
    """Random numbers everywhere, scales about 1: no zero or one hides a fault. A wider spread
    makes attention so sharp that float32 itself is worse than 1e-5."""
    rng = np.random.default_rng(seed)

    def draw(path, leaf):
        centre = float(path[-1].key == "scale")
        return np.asarray(centre + 0.1 * rng.standard_normal(leaf.shape), leaf.dtype)

    return jax.tree_util.tree_map_with_path(draw, shapes)


def answers(found, seed=0):
    """{name: array}: inputs of text encoder and tokenizer, and what they make of them."""
    key, tokenizer = jax.random.key(seed), found.recipe.tokenizer
    ids = np.stack([found.vocabulary.encode(text, LENGTH) for text in TEXTS])
    features, valid = found.recipe.text_features(found.params, ids)
    pixels = jax.random.uniform(key, (4, SIDE, SIDE, 3), minval=-1.0)
    apply = lambda x, method: tokenizer.apply(
        {"params": found.params["tokenizer"]}, x, method=method
    )
    codes = apply(pixels, "encode")
    arrays = dict(
        texts=TEXTS, ids=ids, valid=valid, features=features, pixels=pixels, codes=codes,
        latents=apply(pixels, "latents"), decoded=apply(codes, "decode"),
    )  # fmt: skip
    return {name: np.asarray(array) for name, array in arrays.items()}


def tower_answers(found, seed=0):
    """{name: array}: pixels and ids, and what towers make of them; a picture, and how a data set
    gives it to them."""
    network, params = found.recipe.network, {"params": found.params["tower"]}
    pixels = jax.random.normal(jax.random.key(seed), (4, SIDE, SIDE, 3))
    ids = np.stack([found.vocabulary.encode(text, LENGTH) for text in TEXTS])
    image, text = network.apply(params, pixels, ids)
    logits = network.apply(params, image, text, method="logits")
    picture = np.random.default_rng(seed).integers(0, 256, (5 * SIDE, 10 * SIDE, 3), np.uint8)
    taken = network.image.pixels
    prepared = (images.fit(picture, SIDE) / 255 - taken.mean) / taken.deviation
    arrays = dict(
        pixels=pixels, ids=ids, image=image, text=text, logits=logits, texts=TEXTS, picture=picture,
        prepared=prepared,
    )  # fmt: skip
    return {name: np.asarray(array) for name, array in arrays.items()}


def main():
    """Write the export and the arrays."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    out = pathlib.Path(options.out)
    files = out.with_name(f"{out.name}.files")
    files.mkdir(parents=True, exist_ok=True)
    with jax.default_matmul_precision("highest"):
        found = trained(files, options.seed)
        np.savez(out.with_name(f"{out.name}.npz"), **answers(found, options.seed))
    export.write(found, out)
    for family in ("clip", "siglip"):
        _write_towers(out.with_name(f"{out.name}_{family}"), family, options.seed)
    return 0


def _write_towers(out, family, seed):
    files = out.with_name(f"{out.name}.files")
    files.mkdir(parents=True, exist_ok=True)
    with jax.default_matmul_precision("highest"):
        found = towers(files, family, seed)
        np.savez(out.with_name(f"{out.name}.npz"), **tower_answers(found, seed))
    export.write(found, out)


if __name__ == "__main__":
    sys.exit(main())
