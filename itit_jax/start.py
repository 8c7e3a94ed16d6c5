"""A run that starts from a trained model: what it takes, what is new, and what it leaves there.

--config.model.start_from=RUN_OR_EXPORT. A parameter is known by its path. One of equal shape is
taken, from the average where the run has one. A table, whose rows stand for words, codes or places,
is new where these are others or of another number; any other shape is refused. A part that the
recipe names weights for (`weights_from`) comes from those.
"""

import dataclasses
import functools
import json
import pathlib
import re

import jax
import jax.numpy as jnp
from flax.traverse_util import unflatten_dict

from data_pipelines.errors import UserError
from itit_jax import companions, exported, inputs
from itit_jax import config as settings
from itit_jax.checkpoints import Checkpoints
from itit_jax.recipes import base
from itit_jax.sharding import path_of
from itit_jax.state import not_finite
from itit_jax.weights import load as weights
from itit_jax.workdir import Workdir

NAMED = 3  # names that a line shows
SIZES = ("model.", "text_encoder.", "data.image_size", "data.text_length")  # keys that shape


def start_from(source, program, fresh, stands_on, say=print):
    """Puts into a fresh state, in place, what the trained model at `source` has of it.

    stands_on: {name: hash} of what the new run stands on. say: hears a line a part.
    """
    model = find(source, program.frozen)
    own = [n for n in program.recipe.trainable if not program.recipe.weights_from.get(n)]
    if not set(own) & model.parts.keys():
        raise UserError(
            f"nothing of {source} fits: it has {', '.join(sorted(model.parts))}, and this config "
            f"trains {', '.join(own) or 'nothing that is fresh'}; take another model.start_from."
        )
    others = {name for name, digest in model.stands_on.items()
              if stands_on.get(name, digest) != digest}  # fmt: skip
    for name in own:
        wanted = flat(program.state.params[name])
        plan = Plan(name, wanted, model, _new_tables(program.recipe, name, wanted, others))
        plan.refuse_misfits(program.config)
        _take(plan, fresh)
        say(plan.told())


def _take(plan, fresh):
    """The leaves of one part, one tree of them at a time, and the same in the average."""
    if not plan.taken:
        return
    read = plan.model.read(plan.part, unflatten_dict(plan.taken, sep="/"))
    if name := not_finite(read):
        raise UserError(
            f"{plan.model.name} holds {name} of {plan.part} with NaN or Inf in it; take another "
            "model.start_from."
        )
    merged = flat(fresh.params[plan.part]) | flat(read)
    fresh.params[plan.part] = unflatten_dict(merged, sep="/")
    if fresh.ema is not None:
        fresh.ema[plan.part] = jax.tree.map(jnp.copy, fresh.params[plan.part])


def flat(tree):
    """A tree of dicts as {path: leaf}."""
    return {path_of(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def _new_tables(recipe, part, wanted, others):
    """{path: what its rows stand for, where that is another; else ""} of the tables of a part."""
    tables = recipe.tables if isinstance(recipe, base.Tables) else {}
    return {
        path: name if name in others else ""
        for name, pattern in tables.items()
        for path in wanted
        if re.fullmatch(pattern, f"{part}/{path}")
    }


# ---- one part ----------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Plan:
    """What becomes of each parameter of one part."""

    part: str
    wanted: dict  # {path: shape and place}
    model: "RunModel | ExportModel"
    tables: dict  # {path: what its rows stand for where that is another}

    @functools.cached_property
    def shapes(self):
        """{path: shape in the trained model, None where it has none}."""
        return {path: self.model.shape(self.part, path, leaf)
                for path, leaf in self.wanted.items()}  # fmt: skip

    def _fits(self, path):
        return self.shapes[path] == tuple(self.wanted[path].shape) and not self.tables.get(path)

    @property
    def taken(self):
        """{path: shape and place} of what is read."""
        return {path: leaf for path, leaf in self.wanted.items() if self._fits(path)}

    def refuse_misfits(self, config):
        """UserError if something of another shape is no table."""
        for path, shape in self.shapes.items():
            if shape is None or self._fits(path) or path in self.tables:
                continue
            differs = self.model.other_sizes(config)
            flags = " ".join(f"--config.{name}={value}" for name, value in differs)
            raise UserError(
                f"{self.part}/{path} is {_by(shape)} in {self.model.name} and "
                f"{_by(self.wanted[path].shape)} in this config; "
                f"{f'give its sizes, {flags}' if flags else 'take another model.start_from'}."
            )

    def told(self):
        """One line: how much was taken, what is new and why, what was left."""
        count = lambda paths: sum(self.wanted[path].size for path in paths)
        line = (f"{self.part}: {count(self.taken):,} of {count(self.wanted):,} parameters are "
                f"those of {self.model.name}")  # fmt: skip
        for why, paths in self._new().items():
            line += f"; new, {why}: {_some(paths)} ({count(paths):,})"
        left = self.model.beside(self.part, self.wanted)
        return line + (f"; left there: {_some(left)}" if left else "")

    def _new(self):
        """{why: paths} of what is not taken."""
        new = {}
        for path, shape in self.shapes.items():
            if not self._fits(path):
                other = self.tables.get(path)
                why = f"of another {other}" if other else "of another size"
                new.setdefault("not there" if shape is None else why, []).append(path)
        return new


def _some(paths):
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return ", ".join(paths[:NAMED]) + more


def _by(shape):
    return "x".join(map(str, shape)) or "one number"


# ---- where it comes from -----------------------------------------------------------------------


def find(source, frozen):
    """The trained model of a run's workdir or of an export. frozen: shapes and places of the
    frozen parts of the run that starts, by which those of an export are compared with its own."""
    run = Workdir(source)
    return ExportModel(run.path, frozen) if exported.is_export(run.path) else RunModel(run)


class RunModel:
    """The newest checkpoint of a run: its average where there is one."""

    def __init__(self, run):
        self._config = run.config()
        self._checkpoints = Checkpoints(run)
        self._step = self._checkpoints.whole_step()
        self._section = "ema" if self._config.optimizer.ema_decay else "params"
        self.name, self.stands_on = f"{run}, step {self._step:,}", run.companions()
        self.parts = {}
        for path, shape in self._checkpoints.shapes(self._step).items():
            section, _, rest = path.partition("/")
            if section == self._section:
                part, _, rest = rest.partition("/")
                self.parts.setdefault(part, {})[rest] = shape

    def shape(self, part, path, leaf):
        """Shape of a parameter, or None."""
        del leaf
        return self.parts.get(part, {}).get(path)

    def beside(self, part, wanted):
        """Paths that it has and the new run has not."""
        return sorted(self.parts.get(part, {}).keys() - wanted.keys())

    def read(self, part, abstract):
        """The leaves of a tree of shapes and places, each where it belongs."""
        return self._checkpoints.restore_part(self._section, part, abstract, self._step)

    def other_sizes(self, config):
        """[(key, its value)] of the keys that shape a model and differ."""
        return _other_sizes(self._config, config)


class ExportModel:
    """A folder that --mode=export wrote; its layers lie one by one."""

    def __init__(self, folder, frozen):
        about = exported.read_about(folder)
        self._config = settings.from_json(json.dumps(about["config"]), str(folder))
        self._files = {part: pathlib.Path(folder, file) for part, file in about["parts"].items()}
        self.name = f"{folder}, step {about['step']:,}"
        self.stands_on = {name: self._digest(name, leaves) for name, leaves in frozen.items()
                          if name in self._files}  # fmt: skip
        if words := inputs.given_vocabulary(folder, about):
            self.stands_on["vocabulary"] = words.digest
        self.parts = dict.fromkeys(self._files)
        self._tensors = functools.cache(self._open)  # {our path: Tensor} of a part

    def _digest(self, part, abstract):
        try:
            return companions.fingerprint(weights.load(self._files[part], abstract))
        except UserError:  # of other sizes
            return "another"

    def _open(self, part):
        return weights.read(self._files[part])[1] if part in self._files else {}

    def shape(self, part, path, leaf):
        """Shape of a parameter, or None; of a stack, with as many layers as there are."""
        names = weights.layers_of(path, leaf)
        found = [self._tensors(part)[name].shape for name in names if name in self._tensors(part)]
        if not found:
            return None
        return found[0] if names == [path] else (len(found), *found[0])

    def beside(self, part, wanted):
        """Paths that it has and the new run has not."""
        known = {name for path, leaf in wanted.items() for name in weights.layers_of(path, leaf)}
        return sorted(self._tensors(part).keys() - known)

    def read(self, part, abstract):
        """The leaves of a tree of shapes and places, each where it belongs."""
        return weights.take(self._tensors(part), abstract)

    def other_sizes(self, config):
        """[(key, its value)] of the keys that shape a model and differ."""
        return _other_sizes(self._config, config)


def _other_sizes(theirs, ours):
    keys, theirs, ours = settings.declared(ours), settings.flat(theirs), settings.flat(ours)
    return [
        (name, settings.show(theirs[name]))
        for name in keys
        if name.startswith(SIZES) and not keys[name].place
        and name in theirs and theirs[name] != ours[name]
    ]  # fmt: skip
