"""The mesh, and one ordered table of rules that places every parameter on it.

A rule is (regex of the whole path, axes of the unstacked leaf). The first match wins; a leaf of
two or more dimensions that no rule matches is an error, so nothing is replicated by accident.
"""

import math
import re

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AbstractMesh, Mesh, NamedSharding, PartitionSpec

from data_pipelines.errors import UserError

AXES = ("data", "fsdp", "tensor")


def make_mesh(data=-1, fsdp=1, tensor=1, devices=None):
    """Mesh of data x fsdp x tensor devices; one size may be -1, what is left."""
    devices = np.array(jax.devices() if devices is None else devices)
    return Mesh(devices.reshape(_sizes((data, fsdp, tensor), devices.size)), AXES)


def abstract_mesh(data=-1, fsdp=1, tensor=1, *, count):
    """The same of so many devices that need not be there."""
    return AbstractMesh(_sizes((data, fsdp, tensor), count), AXES)


def _sizes(asked, count):
    sizes = list(asked)
    known = math.prod(size for size in sizes if size != -1)
    if -1 in sizes and count % known == 0:
        sizes[sizes.index(-1)] = count // known
    if math.prod(sizes) != count:
        shape = " x ".join(f"mesh.{name}={size}" for name, size in zip(AXES, asked))
        raise UserError(
            f"{shape} does not fit the {count} devices; make the product equal to them, or set one "
            "size to -1."
        )
    return tuple(sizes)


def path_of(keys):
    """A tree path as text, such as model/encoder/layers/attention/query/kernel."""
    return "/".join(str(getattr(k, "key", getattr(k, "name", getattr(k, "idx", k)))) for k in keys)


def match(rules, tree, mesh):
    """Tree of arrays or shapes -> tree of NamedSharding."""

    def place(keys, leaf):
        spec = spec_of(rules, path_of(keys), leaf.shape, mesh)
        return NamedSharding(mesh, spec)

    return jax.tree_util.tree_map_with_path(place, tree)


def spec_of(rules, path, shape, mesh):
    """PartitionSpec of one leaf. An axis that does not divide its dimension is left out."""
    pattern, axes = _first_rule(rules, path, shape)
    # A scanned stack has its layer axis in front of what the rule speaks of.
    stacked = len(shape) - len(axes) if axes and "/layers/" in f"/{path}" else 0
    if stacked not in (0, 1) or len(axes) + stacked > len(shape):
        raise UserError(
            f"the rule {pattern} of mesh.rules has {len(axes)} axes, but {path} has the shape "
            f"{tuple(shape)}; give one axis for each dimension of one layer."
        )
    named = [axis for axis in axes if axis]
    if len(set(named)) < len(named):
        raise UserError(f"the rule {pattern} of mesh.rules uses a mesh axis twice: {axes}.")
    fits = [
        axis if axis and size % mesh.shape[axis] == 0 else None
        for axis, size in zip(axes, shape[stacked:])
    ]
    return PartitionSpec(*[None] * stacked, *fits)


def _first_rule(rules, path, shape):
    for pattern, axes in rules:
        if re.fullmatch(pattern, path):
            return pattern, axes
    if len(shape) >= 2:
        raise UserError(f"no rule of mesh.rules matches {path} {tuple(shape)}; add one for it.")
    return "", ()


def match_optimizer(state, params, shardings):
    """Shardings of an optimizer state from those of the parameters.

    A leaf of the state belongs to the parameter whose path its own contains. Of equal shape it
    lies as the parameter does; factored statistics (Adafactor) lack one dimension and its axis.
    """
    leaves = {path_of(k): leaf for k, leaf in jax.tree_util.tree_leaves_with_path(params)}
    places = {path_of(k): s for k, s in jax.tree_util.tree_leaves_with_path(shardings)}
    mesh = next(iter(places.values())).mesh

    def place(keys, leaf):
        path = f"/{path_of(keys)}/"
        owner = next((p for p in leaves if f"/{p}/" in path), None)
        if owner is None or leaf.ndim == 0:
            return replicated(mesh)
        spec = _without_dropped(leaves[owner].shape, leaf.shape, places[owner].spec)
        return NamedSharding(mesh, spec)

    return jax.tree_util.tree_map_with_path(place, state)


def _without_dropped(whole, part, spec):
    """Spec of a leaf of shape `part`, whose parameter has shape `whole` and `spec`."""
    axes = (*spec, *[None] * (len(whole) - len(spec)))
    if part == whole:
        return PartitionSpec(*axes)
    for dropped in range(len(whole)):
        if (*whole[:dropped], *whole[dropped + 1 :]) == part:
            return PartitionSpec(*axes[:dropped], *axes[dropped + 1 :])
    return PartitionSpec()


def batch_sharding(mesh):
    """Rows of a batch: over all replicas and all that share parameters."""
    return NamedSharding(mesh, PartitionSpec(("data", "fsdp")))


def replicated(mesh):
    """The same on every device."""
    return NamedSharding(mesh, PartitionSpec())


def constrain(x, *axes):
    """Activation constraint at a block's border; nothing where no mesh is set."""
    mesh = jax.sharding.get_abstract_mesh()
    if mesh is None or mesh.empty or mesh.size == 1:
        return x
    return jax.lax.with_sharding_constraint(x, PartitionSpec(*axes))


def gathered(rules, path, params):
    """Parameters of this path, no longer apart over mesh.fsdp, for loops that would gather them
    anew in every round. What mesh.tensor shares stays apart, for so are the products."""
    mesh = jax.sharding.get_abstract_mesh()
    if mesh is None or mesh.empty:
        return params

    def whole(keys, leaf):
        spec = spec_of(rules, f"{path}/{path_of(keys)}", leaf.shape, mesh)
        return constrain(leaf, *(None if axis == "fsdp" else axis for axis in spec))

    return jax.tree_util.tree_map_with_path(whole, params)


def joined(arrays):
    """Rows [b, ...] of several arrays as one; those that lie on one device stay there."""
    rows = [x.reshape(_ways(), -1, *x.shape[1:]) for x in arrays]
    whole = jnp.concatenate(rows, axis=1)
    return constrain(whole.reshape(-1, *whole.shape[2:]), ("data", "fsdp"))


def parted(rows, counts):
    """What was joined of so many rows each, apart again."""
    ends = np.cumsum([count // _ways() for count in counts])[:-1]
    parts = jnp.split(rows.reshape(_ways(), -1, *rows.shape[1:]), ends, axis=1)
    return [part.reshape(-1, *part.shape[2:]) for part in parts]


def _ways():
    """Devices that the rows of a batch lie on."""
    mesh = jax.sharding.get_abstract_mesh()
    return 1 if mesh is None or mesh.empty else mesh.shape["data"] * mesh.shape["fsdp"]
