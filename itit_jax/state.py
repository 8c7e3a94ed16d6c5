"""The training state, described before it is allocated, then made in place on the mesh."""

import os
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct

from itit_jax import companions, sharding
from itit_jax.checkpoints import Checkpoints
from itit_jax.config import ConfigError, read_workdir
from itit_jax.weights import load as weights


@struct.dataclass
class TrainState:
    """Everything a checkpoint holds. `ema` is None without an EMA."""

    step: Any
    params: Any
    opt_state: Any
    ema: Any


def make_init(recipe, optimizer, use_ema):
    """-> init(key) -> TrainState of the trainable parts; pure."""

    def init(key):
        every = recipe.init(key)
        params = {name: every[name] for name in recipe.trainable}
        return TrainState(
            step=jnp.zeros((), jnp.int32),
            params=params,
            opt_state=optimizer.init(params),
            ema=jax.tree.map(jnp.copy, params) if use_ema else None,
        )

    return init


def abstract_state(recipe, optimizer, use_ema, mesh, rules):
    """Shapes, dtypes and shardings of the state: a tree of ShapeDtypeStruct."""
    shapes = jax.eval_shape(make_init(recipe, optimizer, use_ema), jax.random.key(0))
    params = sharding.match(rules, shapes.params, mesh)
    specs = TrainState(
        step=sharding.replicated(mesh),
        params=params,
        opt_state=sharding.match_optimizer(shapes.opt_state, shapes.params, params),
        ema=params if use_ema else None,
    )
    return jax.tree.map(
        lambda shape, spec: jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=spec),
        shapes,
        specs,
    )


def abstract_frozen(recipe, mesh, rules):
    """The same of the frozen parts."""
    every = jax.eval_shape(recipe.init, jax.random.key(0))
    frozen = {name: part for name, part in every.items() if name not in recipe.trainable}
    return jax.tree.map(
        lambda shape, spec: jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=spec),
        frozen,
        sharding.match(rules, frozen, mesh),
    )


def create(recipe, optimizer, use_ema, abstract, seed):
    """A fresh state, each leaf made where it belongs."""
    shardings = jax.tree.map(lambda leaf: leaf.sharding, abstract)
    init = jax.jit(make_init(recipe, optimizer, use_ema), out_shardings=shardings)
    return init(jax.random.key(seed))


def begin(recipe, optimizer, config, mesh, checkpoints, report):
    """-> (state, frozen): the newest checkpoint's state, or a fresh one."""
    use_ema, rules = bool(config.optimizer.ema_decay), config.mesh.rules
    frozen = load_frozen(recipe, abstract_frozen(recipe, mesh, rules))
    abstract = abstract_state(recipe, optimizer, use_ema, mesh, rules)
    if checkpoints.latest() is None:
        with report.phase("initialising the parameters"):
            fresh = create(recipe, optimizer, use_ema, abstract, config.seed)
            return start_from_weights(recipe, fresh, abstract), frozen
    state = checkpoints.restore(abstract)
    report.say(f"resuming from step {int(state.step)}")
    return state, frozen


def start_from_weights(recipe, fresh, abstract):
    """The same state, trainable parts taken from where the config says that they start."""
    for name in recipe.trainable:
        if source := recipe.weights_from.get(name, ""):
            fresh.params[name] = load_part(source, name, abstract.params[name])
            if fresh.ema is not None:
                fresh.ema[name] = jax.tree.map(jnp.copy, fresh.params[name])
    return fresh


def load_frozen(recipe, abstract):
    """Frozen parts from the runs or files that hold them."""
    frozen = {}
    for name, tree in abstract.items():
        source = recipe.weights_from.get(name, "")
        if not source:
            raise ConfigError(
                f"{name} is frozen but nothing names its weights; "
                f"set --config.{name}.weights, or --config.{name}.trainable=true."
            )
        frozen[name] = load_part(source, name, tree)
    return frozen


def load_part(source, name, abstract):
    """One part from a run's workdir or from published weights."""
    if os.path.isdir(os.path.join(source, "checkpoints")):
        return load_trained(source, name, abstract)
    return weights.load(source, abstract, part=name)


def load_trained(workdir, name, abstract):
    """One part of the newest checkpoint of a run, its average where there is one."""
    section = "ema" if read_workdir(workdir).optimizer.ema_decay else "params"
    return Checkpoints(workdir).restore_part(section, name, abstract)


def abstract_parts(recipe, rules):
    """Shapes, dtypes and places of every part on local devices, for scoring and serving."""
    mesh = sharding.make_mesh(devices=jax.local_devices())
    every = jax.eval_shape(recipe.init, jax.random.key(0))
    return jax.tree.map(
        lambda leaf, place: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place),
        every,
        sharding.match(rules, every, mesh),
    )


def restore_params(recipe, config, workdir):
    """-> (parameters of every part, step) of a run, for scoring and serving on local devices."""
    abstract = abstract_parts(recipe, config.mesh.rules)
    trained = {name: load_trained(workdir, name, abstract[name]) for name in recipe.trainable}
    rest = {name: part for name, part in abstract.items() if name not in recipe.trainable}
    frozen = load_frozen(recipe, rest)
    companions.check(workdir, companions.of(frozen))
    return trained | frozen, Checkpoints(workdir).latest()
