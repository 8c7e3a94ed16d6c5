"""--mode=encode: what a frozen part says of the records of a data set, once, beside them.

python -m itit_jax.main --mode=encode --config=configs/itit_tiny.py --workdir=DATA/tokens
python -m itit_jax.main --mode=encode --config=configs/classifier_tiny.py --workdir=DATA/features \
    --config.encode.run=runs/classifier

A frozen part says the same in every epoch, so that asking it once saves its work in every step.
The recipe declares what can be said (`encodings`); data_pipelines.encoded is the folder, which
names what it was made of. The same command goes on where it was stopped, split by split.
"""

import contextlib
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from data_pipelines import encoded, fetched, records, streams
from data_pipelines.errors import UserError
from itit_jax import companions, compiled, inputs, parts, sharding
from itit_jax.batches import batches_of
from itit_jax.recipes import base
from itit_jax.screen import Screen, duration
from itit_jax.workdir import Workdir

BATCH = 128  # rows a call, over all devices of this process


class Source(NamedTuple):
    """One half of the records, as it is shown to the part."""

    splits: tuple[str, ...]  # the training splits that hold it
    row: jax.ShapeDtypeStruct
    starts: Callable[[str], np.ndarray]  # split -> int64 [records + 1], see encoded
    rows: Callable[[str], Any]  # split -> rows, one by one
    told: dict[str, str]  # what the result depends on beside parts and data set


def run(config, workdir):
    """Encode the training splits of config.data.path into the folder `workdir`."""
    compiled.keep(config.compile_cache)
    fetched.keep(config.data.cache, config.data.cache_gigabytes)
    folder = _folder(workdir)
    made_by = Workdir(config.encode.run) if config.encode.run else None
    model = made_by.config() if made_by else config
    recipe = base.find(model)
    name, encoding = _chosen(recipe, model.recipe, config.encode.what)
    params = load(recipe, model, made_by, encoding)
    source = _source(config, model, made_by, encoding)
    dataset = inputs.dataset_digest(config)
    found = companions.of(params) | {"dataset": dataset} | source.told
    say = Sayer(encoding, params, source.row)
    with folder.lock(), contextlib.closing(Screen()) as screen:  # closed: a bar hides the cursor
        _begin(folder, found, source.splits, name)
        for split in source.splits:
            if encoded.there(folder.path, split, name):
                screen.say(f"{split}: {name} are there already")
                continue
            starts = source.starts(split)
            how_far = HowFar(screen, f"{split}: {name}", int(starts[-1]), config.log.seconds)
            batches = how_far.of(say(source.rows(split)))
            how = dict(say.out, dataset=dataset)
            encoded.write(folder.path, split, name, starts, batches, **how)
    return 0


def _begin(folder, found, splits, name):
    """Tells what all in the folder is made with. What is there and does not tell it is removed."""
    companions.check(folder, found)
    before = folder.companions()
    if not found.items() <= before.items():
        for split in splits:
            encoded.remove(folder.path, split, name)
        folder.keep_companions(before | found)


def _folder(workdir):
    folder = Workdir(workdir)
    if not folder.local:
        raise UserError(f"{folder} is no folder of this machine; give one, --workdir=DIR.")
    if folder.is_run():
        raise UserError(f"{folder} holds a run; give a folder of its own, --workdir=DIR.")
    return folder


def _chosen(recipe, paper, name):
    """(name, Encoding) of this name, or the recipe's first without one."""
    known = recipe.encodings if isinstance(recipe, base.Encodes) else {}
    if not known:
        raise UserError(f"the recipe {paper} encodes nothing; give another --config.")
    name = name or next(iter(known))
    if name not in known:
        raise UserError(
            f"encode.what is {name}, which this recipe does not say; it says {', '.join(known)}."
        )
    return name, known[name]


def load(recipe, model, made_by, encoding):
    """{part: parameters} of the parts that the encoding needs."""
    if made_by:
        every, _ = parts.restore_params(recipe, model, made_by)
        return {part: every[part] for part in encoding.parts}
    for part in encoding.parts:
        if part in recipe.trainable and not recipe.weights_from.get(part):
            raise UserError(
                f"no trained {part} is given; name the run that trained it, "
                "--config.encode.run=WORKDIR."
            )
    abstract = parts.abstract_local(recipe, model.mesh.rules)
    return parts.load_frozen(recipe, {part: abstract[part] for part in encoding.parts})


# ---- what is read ------------------------------------------------------------------------------


def _source(config, model, made_by, encoding):
    if encoding.reads == "image":
        return pictures(config.data.path, model.data.image_size)
    vocabulary = inputs.kept_vocabulary(made_by) if made_by else inputs.open_vocabulary(config)
    return texts(config.data.path, vocabulary, model.data.text_length)


def pictures(path, size):
    """Source of the training pictures, brought to `size` pixels a side."""
    return Source(
        splits=_there(path, "pairs", "images", "questions"),
        row=jax.ShapeDtypeStruct((size, size, 3), jnp.uint8),
        starts=lambda split: np.arange(len(records.Records(path, split)) + 1),
        rows=lambda split: streams.images(path, split, size),
        told={"image_size": str(size)},
    )


def texts(path, vocabulary, length):
    """Source of the training texts as `length` word ids."""
    said = lambda split: (record.texts for record in records.Records(path, split))
    return Source(
        splits=_there(path, "pairs", "texts"),
        row=jax.ShapeDtypeStruct((length,), jnp.int32),
        starts=lambda split: np.cumsum([0, *map(len, said(split))]),
        rows=lambda split: (vocabulary.encode(t, length) for some in said(split) for t in some),
        told={"vocabulary": vocabulary.digest, "text_length": str(length)},
    )


def _there(path, *splits):
    known = records.read_info(path)["splits"]
    return tuple(split for split in splits if split in known)


# ---- what is said ------------------------------------------------------------------------------


class Sayer:
    """Rows one by one -> arrays [n, ...] of what is said of them, whatever their number.

    out: shape and dtype of what is said of one row.
    """

    def __init__(self, encoding, params, row):
        mesh = sharding.make_mesh(devices=jax.local_devices())
        self._size = -(-BATCH // mesh.size) * mesh.size
        self._place = sharding.batch_sharding(mesh)
        self._params, self._apply = params, jax.jit(lambda p, x: _storable(encoding.apply(p, x)))
        batch = jax.ShapeDtypeStruct((self._size, *row.shape), row.dtype)
        said = jax.eval_shape(self._apply, params, batch)
        self.out = dict(shape=said.shape[1:], dtype=said.dtype)

    def __call__(self, rows):
        for batch, count in batches_of(rows, self._size):
            said = self._apply(self._params, jax.device_put(np.stack(batch), self._place))
            yield jax.device_get(said)[:count]


def _storable(said):
    """NumPy's files know no bfloat16."""
    return said.astype(jnp.float32) if said.dtype == jnp.bfloat16 else said


class HowFar(NamedTuple):
    """Tells on the screen how far it is, and when it ends."""

    screen: Screen
    title: str
    total: int
    seconds: float  # between two lines

    def of(self, batches):
        """The same batches."""
        start = told = time.time()
        done = 0
        for batch in batches:
            yield batch
            done, now = done + len(batch), time.time()
            if done == self.total or now - told >= self.seconds:
                self._tell(done, done / max(now - start, 1e-9))
                told = now

    def _tell(self, done, rate):
        self.screen.at(
            done,
            self.total,
            f"{self.title} {done:,}/{self.total:,}  {100 * done // self.total} %  "
            f"eta {duration((self.total - done) / rate)}  {rate:,.0f} rows/s",
        )
