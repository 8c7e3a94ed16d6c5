"""The training state: what it is, and its description before anything is allocated."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import struct

from itit_jax import sharding


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
    return placed_state(shapes, mesh, rules)


def placed_state(shapes, mesh, rules):
    """A state of shapes, as the rules place it on a mesh."""
    params = sharding.match(rules, shapes.params, mesh)
    places = TrainState(
        step=sharding.replicated(mesh),
        params=params,
        opt_state=sharding.match_optimizer(shapes.opt_state, shapes.params, params),
        ema=None if shapes.ema is None else params,
    )
    return placed(shapes, places)


def abstract_parts(recipe, mesh, rules):
    """The same of the parameters of every part, trained or frozen: {part: tree}."""
    parts = jax.eval_shape(recipe.init, jax.random.key(0))
    return placed(parts, sharding.match(rules, parts, mesh))


def placed(shapes, places):
    """A tree of shapes and one of shardings -> ShapeDtypeStructs that have both."""
    return jax.tree.map(
        lambda shape, place: jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=place),
        shapes,
        places,
    )


def not_finite(tree):
    """Path of the first array of a tree that holds NaN or Inf; "" if none does."""
    answers = jax.tree_util.tree_leaves_with_path(jax.device_get(_is_finite(tree)))
    return next((sharding.path_of(path) for path, fine in answers if not fine), "")


@jax.jit
def _is_finite(tree):
    return jax.tree.map(lambda leaf: jnp.all(jnp.isfinite(leaf)), tree)


def places(tree):
    """Shardings of a tree of arrays or of ShapeDtypeStructs."""
    return jax.tree.map(lambda leaf: leaf.sharding, tree)
