"""--mode=encode: what a frozen part says of the records of a data set, once, beside them.

python -m itit_jax.main --mode=encode --config=configs/itit_tiny.py --workdir=DATA/tokens
python -m itit_jax.main --mode=encode --config=configs/classifier_tiny.py --workdir=DATA/features \
    --config.encode.run=runs/classifier

A frozen part says the same in every epoch, so that asking it once saves its work in every step.
The recipe declares what can be said (`encodings`); data_pipelines.encoded is the folder, which
names what it was made of. The same command goes on where it was stopped, shard by shard.

Of several processes, which all see the folder, each encodes its share of the shards, and the first
joins what they wrote. How rows stand together in a batch is the same however many there are.
"""

import contextlib
import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from data_pipelines import encoded, fetched, records, streams
from data_pipelines.errors import UserError
from itit_jax import (
    agreement,
    companions,
    compiled,
    distributed,
    inputs,
    parts,
    sharding,
    watch,
)
from itit_jax.batches import batches_of
from itit_jax.recipes import base
from itit_jax.screen import Screen, duration
from itit_jax.workdir import Workdir

BATCH = 128  # rows a call, over all devices of this process


class Source(NamedTuple):
    """One half of the records, as it is shown to the part. `some` are numbers of records of a
    split; without them all are meant."""

    splits: tuple[str, ...]  # the training splits that hold it
    row: jax.ShapeDtypeStruct
    runs: Callable[[str], list[range]]  # split -> numbers of the records of each shard
    starts: Callable[..., np.ndarray]  # split, some -> int64 [records + 1], see encoded
    rows: Callable[..., Any]  # split, some -> rows, one by one
    told: dict[str, str]  # what the result depends on beside parts and data set


def run(config, workdir):
    """Encode the training splits of config.data.path into the folder `workdir`."""
    distributed.initialize()
    compiled.keep(config.compile_cache)
    fetched.keep(config.data.cache, config.data.cache_gigabytes)
    folder = _folder(workdir)
    with watch.together():
        agreement.check_settings(config)
        work, made_with = _prepare(config, folder)
        # Closed: a bar hides the cursor.
        with (
            folder.lock(jax.process_index()),
            contextlib.closing(Screen(distributed.is_lead())) as screen,
        ):
            _begin(folder, made_with, work)
            for split in work.source.splits:
                work.do(split, screen, config.log.seconds)
    return 0


def _prepare(config, folder):
    """(the work, {name: hash} of what it is done with)."""
    made_by = Workdir(config.encode.run) if config.encode.run else None
    model = made_by.config() if made_by else config
    recipe = base.find(model)
    name, encoding = _chosen(recipe, model.recipe, config.encode.what)
    params = load(recipe, model, made_by, encoding)
    source = _source(config, model, made_by, encoding)
    dataset = inputs.dataset_digest(config)
    say = Sayer(encoding, params, source.row)
    made_with = companions.of(params) | {"dataset": dataset} | source.told
    return Work(folder.path, name, source, say, dataset), made_with


def _begin(folder, found, work):
    """Tells what all in the folder is made with, and sees that it is the folder of all processes.
    What is there and does not tell it is removed."""
    companions.check(folder, found)
    agreement.check(found)
    if distributed.is_lead():
        before = folder.companions()
        if not found.items() <= before.items():
            for split in work.source.splits:
                encoded.remove(work.folder, split, work.name)
                encoded.remove_parts(work.folder, split, work.name)
            folder.keep_companions(before | found)
    distributed.wait_for_all("begun")
    agreement.check({"--workdir": str(found.items() <= folder.companions().items())})


class Work(NamedTuple):
    """What is said of which records, and where it goes."""

    folder: Any
    name: str
    source: "Source"
    say: "Sayer"
    dataset: str

    def do(self, split, screen, seconds):
        """Encode this process's share of the shards of a split; the first then joins all parts."""
        if encoded.there(self.folder, split, self.name):
            screen.say(f"{split}: {self.name} are there already")
            return
        runs, how = self.source.runs(split), dict(self.say.out, dataset=self.dataset)
        mine = _share(list(map(len, runs)))
        total = sum(len(runs[number]) for number in mine)
        how_far = HowFar(screen, f"{split}: {self.name}", total, seconds)
        for number in mine:
            part, some = encoded.part(split, number), runs[number]
            if encoded.there(self.folder, part, self.name):
                how_far.pass_over(len(some))
                continue
            starts = self.source.starts(split, some)
            said = how_far.of(self.say(self.source.rows(split, some)), len(some) / starts[-1])
            encoded.write(self.folder, part, self.name, starts, said, **how)
        distributed.wait_for_all(f"encoded {split}")
        if distributed.is_lead():
            encoded.join(self.folder, split, self.name, list(map(len, runs)), **how)


def _share(sizes):
    """Numbers of the parts, of so many rows each, that this process does: its share of the rows.
    They follow each other, and a part goes to whose share its middle lies in."""
    me, all_ = jax.process_index(), jax.process_count()
    middles = np.cumsum(sizes) - np.array(sizes) / 2
    first, end = np.searchsorted(middles, np.array([me, me + 1]) * sum(sizes) / all_)
    return range(first, len(sizes) if me + 1 == all_ else end)


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
    opened = functools.cache(functools.partial(records.Records, path))
    return Source(
        splits=_there(path, "pairs", "images", "questions"),
        row=jax.ShapeDtypeStruct((size, size, 3), jnp.uint8),
        runs=lambda split: opened(split).runs,
        starts=lambda split, some=None: np.arange(len(_numbers(opened(split), some)) + 1),
        rows=lambda split, some=None: (
            streams.picture(record, split, size) for record in _of(opened(split), some)
        ),
        told={"image_size": str(size)},
    )


def texts(path, vocabulary, length):
    """Source of the training texts as `length` word ids."""
    opened = functools.cache(functools.partial(records.Records, path))
    said = lambda split, some=None: (record.texts for record in _of(opened(split), some))
    return Source(
        splits=_there(path, "pairs", "texts"),
        row=jax.ShapeDtypeStruct((length,), jnp.int32),
        runs=lambda split: opened(split).runs,
        starts=lambda split, some=None: np.cumsum([0, *map(len, said(split, some))]),
        rows=lambda split, some=None: (
            vocabulary.encode(text, length) for each in said(split, some) for text in each
        ),
        told={"vocabulary": vocabulary.digest, "text_length": str(length)},
    )


def _numbers(every, some):
    return range(len(every)) if some is None else some


def _of(every, some):
    return (every[number] for number in _numbers(every, some))


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


class HowFar:
    """Tells on the screen how far it is of `total`, and when it ends."""

    def __init__(self, screen, title, total, seconds):
        """seconds: between two lines."""
        self._screen, self._title, self._total, self._seconds = screen, title, total, seconds
        self._start = self._told = time.time()
        self._passed = self._done = 0

    def pass_over(self, count):
        """So much was done before."""
        self._passed += count

    def of(self, batches, each=1.0):
        """The same batches, whose rows count so much each."""
        for batch in batches:
            yield batch
            self._done, now = self._done + len(batch) * each, time.time()
            done = self._passed + round(self._done)
            if done == self._total or now - self._told >= self._seconds:
                self._tell(done, self._done / max(now - self._start, 1e-9))
                self._told = now

    def _tell(self, done, rate):
        self._screen.at(
            done,
            self._total,
            f"{self._title} {done:,}/{self._total:,}  {100 * done // self._total} %  "
            f"eta {duration((self._total - done) / rate)}  {rate:,.0f} a second",
        )
