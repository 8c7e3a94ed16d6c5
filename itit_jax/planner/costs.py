"""What one step costs, counted before anything is allocated: bytes, FLOPs, and what they take.

Lower bounds: what every implementation has to do. The compiler alone knows the temporaries.
"""

import math
from typing import NamedTuple

import jax
import jax.extend
import jax.numpy as jnp

from itit_jax.recipes import base

REACHED = 0.4  # share of the peak that well-tuned training reaches, for the slow end
WIDTHS = {"float32": 4, "bfloat16": 2}


class Roofline(NamedTuple):
    """Seconds a step that each resource takes at least; a step takes as long as the longest."""

    compute: float
    memory: float
    links: float
    network: float | None  # None: not known, or not needed

    @property
    def longest(self):
        """(resource, seconds)."""
        told = {name: seconds for name, seconds in self._asdict().items() if seconds}
        binds = max(told, key=told.get)
        return binds, told[binds]


def size(tree):
    """Bytes of a tree of shapes, as a whole."""
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def size_on_device(tree):
    """Bytes of it that one device holds."""
    shards = ((leaf.sharding.shard_shape(leaf.shape), leaf.dtype) for leaf in jax.tree.leaves(tree))
    return sum(math.prod(shape) * dtype.itemsize for shape, dtype in shards)


def parts(program):
    """{part: {"parameters", "trained"}}."""
    count = lambda tree: sum(leaf.size for leaf in jax.tree.leaves(tree))
    trained = {name: {"parameters": count(tree), "trained": True}
               for name, tree in program.state.params.items()}  # fmt: skip
    return trained | {
        name: {"parameters": count(tree), "trained": False} for name, tree in program.frozen.items()
    }


def arguments(program):
    """{what: bytes a device} of everything that a step is given."""
    state = program.state
    given = {"parameters": state.params, "optimizer": state.opt_state, "average": state.ema,
             "frozen parts": program.frozen, "batch": program.batch}  # fmt: skip
    return {name: size_on_device(tree) for name, tree in given.items()}


def kept(program):
    """Bytes of all devices that the forward pass leaves for the backward one.

    Traced, as remat would have it; what is given to the step is not among them. The compiler may
    keep less, and needs room to work in besides. Of parts (train.accumulate) one is kept at a time.
    """
    strip = lambda tree: jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), tree
    )

    def forward(trained, frozen, batch):
        step = jnp.int32(program.config.train.steps)  # at the end everything has begun
        loss = lambda trained: program.recipe.loss(
            trained | frozen, batch, jax.random.key(0), step, trained | frozen
        )
        return jax.vjp(loss, trained, has_aux=True)[1]

    given = (program.state.params, program.frozen, program.batch)
    traced = jax.make_jaxpr(forward)(*map(strip, given)).jaxpr
    left = {var for var in traced.outvars if not isinstance(var, jax.extend.core.Literal)}
    found = sum(v.aval.size * v.aval.dtype.itemsize for v in left - set(traced.invars))
    return found // program.config.train.accumulate


def working(program, left):
    """Bytes a device beside the arguments, by rule of thumb, where no compiler tells them.

    What the forward pass leaves (`kept`), gradients, and the trained parameters gathered once.
    """
    mesh = program.mesh.shape
    trained = size(program.state.params) / mesh["tensor"]
    width = WIDTHS[program.config.precision.compute] / 4
    gathered = width * trained if mesh["fsdp"] > 1 else 0
    return int(left / (mesh["data"] * mesh["fsdp"]) + trained / mesh["fsdp"] + gathered)


def flops(program):
    """{term: {"forward", "backward", "again"}} of one global step, as the recipe counts itself."""
    return {
        term: {"forward": found.forward, "backward": found.backward, "again": found.again}
        for term, found in program.recipe.flops().items()
    }


def total(terms):
    """FLOPs of all terms, without what is computed again."""
    return sum(found["forward"] + found["backward"] for found in terms.values())


def recomputed(terms, remat):
    """FLOPs that rematerialisation adds. "dots" keeps the products with weights; those of
    attention, which it makes again, are not counted."""
    return sum(found["again"] for found in terms.values()) if remat == "full" else 0


def rows(program):
    """Rows of one global step."""
    return sum(base.rows(program.recipe).values())


def roofline(program, topology, work, sent=None):
    """The Roofline of a step of so many FLOPs, remats included. sent: as the compiler tells what
    `communicated` only bounds."""
    chip, devices = topology.chip, topology.devices
    share = 1 / chip.devices  # of a chip's bandwidth that a device has
    moved = arguments(program)
    state = moved["parameters"] + moved["optimizer"] + moved["average"]
    inner, outer = sent or communicated(program, topology.slices)
    return Roofline(
        compute=work / (devices * chip.flops * share),
        memory=(2 * state + moved["frozen parts"] + moved["batch"])
        / (chip.memory_bandwidth * share),
        links=inner / (chip.links * share),
        network=outer / (chip.network * share) if chip.network and outer else None,
    )


def communicated(program, slices=1):
    """(bytes that a device sends to its slice, and to other slices) at least in one step.

    Shared parameters are gathered for the pass forward and the one backward, in the type of the
    activations, and their gradients are summed where they lie, in float32; frozen ones are gathered
    once, unless they lie whole. Replicas sum their gradients. What mesh.tensor adds is not counted.
    """
    config, mesh = program.config, program.mesh.shape
    width = WIDTHS[config.precision.compute] / 4  # of float32 parameters
    shared, replicas = mesh["fsdp"], mesh["data"]
    trained = size(program.state.params) / mesh["tensor"]
    frozen = size(list(filter(_is_shared, jax.tree.leaves(program.frozen)))) / mesh["tensor"]
    apart = (shared - 1) / shared
    gathered = apart * (2 * width * trained + width * frozen)
    summed = apart * trained
    own, inside = trained / shared, replicas / slices
    summed += 2 * own * (inside - 1) / inside if inside > 1 else 0
    return gathered + summed, 2 * own * (slices - 1) / slices


def _is_shared(leaf):
    """Whether it lies apart over mesh.fsdp."""
    return "fsdp" in jax.tree.leaves(tuple(leaf.sharding.spec))
