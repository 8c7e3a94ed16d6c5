"""--mode=tokenize: the images of a data set as token ids, once, beside the records.

python -m itit_jax.main --mode=tokenize --config=configs/itit_tiny.py --workdir=DATA/tokens

A frozen tokenizer gives the same ids in every epoch, so encoding once saves its work in every
step. The folder holds SPLIT.npy int32 [records, crops, tokens] and names its tokenizer.
"""

import os
import pathlib

import jax
import numpy as np

from data_pipelines import records, streams
from itit_jax import companions, inputs, parts
from itit_jax.recipes import base
from itit_jax.workdir import Workdir

BATCH = 250
SPLITS = ("pairs", "images")


def run(config, workdir):
    """Encode every image of the training splits of config.data.path into `workdir`."""
    recipe = base.find(config)
    abstract = parts.abstract_local(recipe, config.mesh.rules)
    params = parts.load_frozen(recipe, {"tokenizer": abstract["tokenizer"]})
    encode = jax.jit(lambda images: recipe.image_ids(params, {"image": images}))
    folder = pathlib.Path(workdir)
    folder.mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        if split not in records.read_info(config.data.path)["splits"]:
            continue
        images = streams.images(config.data.path, split, config.data.image_size)
        ids = _encode_all(encode, images)
        _replace(folder / f"{split}.npy", lambda file, ids=ids: np.save(file, ids))
        print(f"{split}: {ids.shape[0]:,} images, {ids.shape[-1]} tokens each", flush=True)
    found = companions.of(params) | {"dataset": inputs.dataset_digest(config)}
    Workdir(folder).keep_companions(found)
    return 0


def _encode_all(encode, images):
    """Decoded images, in order -> int32 [records, 1, tokens]."""
    out = []
    for start in range(0, len(images), BATCH):
        index = np.arange(start, start + BATCH).clip(max=len(images) - 1)
        out.append(np.asarray(encode(images[index])))
    return np.concatenate(out)[: len(images), None]


def _replace(file, write):
    fresh = file.with_name(f".{file.name}")
    with open(fresh, "wb") as stream:
        write(stream)
    os.replace(fresh, file)
