"""Counts against what really lies on devices, and against arithmetic by hand."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AbstractMesh, NamedSharding, PartitionSpec

from itit_jax import config as settings
from itit_jax import sharding
from itit_jax.planner import costs, topology
from itit_jax.program import describe

MESH = ["mesh.data=2", "mesh.fsdp=2", "mesh.tensor=2", "optimizer.ema_decay=0.9"]


@pytest.fixture(scope="module")
def planned():
    """The same program on eight devices that are there, and on eight that need not be."""
    config = settings.load("configs/classifier_tiny.py", overrides=MESH)
    mesh = sharding.abstract_mesh(2, 2, 2, count=8)
    return describe(config), describe(config, mesh=mesh)


def test_bytes_of_a_device_are_those_that_lie_on_it(planned):
    real, abstract = planned
    state, first = real.init(0), jax.devices()[0]

    def lying(tree):
        shards = [s for leaf in jax.tree.leaves(tree) for s in leaf.addressable_shards]
        return sum(shard.data.nbytes for shard in shards if shard.device == first)

    found = costs.arguments(abstract)
    assert found["parameters"] == lying(state.params) < costs.size(state.params)
    assert found["optimizer"] == lying(state.opt_state)
    assert found["average"] == lying(state.ema) > 0
    assert found["frozen parts"] == 0
    rows = real.batch["caption"]["image"]
    zeros = jax.device_put(np.zeros(rows.shape, rows.dtype), rows.sharding)
    text = real.batch["caption"]["text"]
    assert found["batch"] == lying(zeros) + 64 // 4 * text.shape[1] * 4
    count = sum(leaf.size for leaf in jax.tree.leaves(state.params))
    assert costs.parts(abstract) == {"classifier": {"parameters": count, "trained": True}}


def test_flops_are_the_recipes_own(planned):
    terms, own = costs.flops(planned[1]), planned[0].recipe.flops()
    assert terms.keys() == own.keys()
    assert costs.total(terms) == sum(found.total for found in own.values()) > 0


def test_what_remat_computes_again_comes_on_top():
    terms = {"a": dict(forward=10, backward=20, again=7), "b": dict(forward=5, backward=0, again=0)}
    assert costs.recomputed(terms, "full") == 7 and costs.recomputed(terms, "none") == 0
    assert costs.total(terms) == 35


def toy(data, fsdp, compute="bfloat16"):
    """A program of 1,000 trained and 400 frozen float32 numbers."""
    mesh = AbstractMesh((data, fsdp, 1), sharding.AXES)
    shape = lambda n: jax.ShapeDtypeStruct(
        (n,), jnp.float32, sharding=NamedSharding(mesh, PartitionSpec("fsdp"))
    )
    state = types.SimpleNamespace(params={"a": shape(1000)}, opt_state=shape(2000), ema=None)
    precision = types.SimpleNamespace(compute=compute)
    return types.SimpleNamespace(
        mesh=mesh, state=state, frozen={"b": shape(400)}, batch={},
        config=types.SimpleNamespace(precision=precision),
    )  # fmt: skip


@pytest.mark.parametrize(
    "data, fsdp, slices, sent",
    [
        (1, 1, 1, (0, 0)),
        # 3/4 of 2 x 2,000 bytes of parameters and 800 of frozen ones, and of 4,000 of gradients.
        (1, 4, 1, (0.75 * (2 * 2000 + 800) + 0.75 * 4000, 0)),
        # A ring sums 4,000 bytes by 2 x 1/2 of them.
        (2, 1, 1, (4000, 0)),
        (2, 4, 1, (0.75 * 8800 + 1000, 0)),
        (2, 4, 2, (0.75 * 8800, 1000)),
        (4, 1, 2, (4000, 4000)),
    ],
)
def test_what_a_device_sends_is_what_a_person_counts(data, fsdp, slices, sent):
    assert costs.communicated(toy(data, fsdp), slices) == pytest.approx(sent)


def test_float32_parameters_are_gathered_as_such():
    assert costs.communicated(toy(1, 2, "float32"))[0] == 0.5 * (2 * 4000 + 1600) + 0.5 * 4000


def test_the_roofline_is_bytes_and_flops_over_what_a_chip_does():
    chip = topology.Chip(100.0, 10**6, 50.0, 20.0, 10.0, 1.0, 2)
    place = topology.Topology("toy:2x2", chip, (2, 2), 2)
    found = costs.roofline(toy(2, 4), place, work=1600)
    assert found.compute == 1600 / 800
    # Of 4,000 and 8,000 bytes of state a quarter lies here, read and written; 1,600 frozen ones.
    assert found.memory == (2 * 3000 + 400) / 50
    assert (found.links, found.network) == (0.75 * 8800 / 20, 100)
    assert found.longest == ("links", 330)
    halves = chip._replace(devices=2)  # each device of a chip has half of it
    again = costs.roofline(toy(2, 8), topology.Topology("toy:2x2", halves, (2, 2), 2), work=1600)
    assert again.compute == found.compute


@pytest.mark.parametrize("remat, arrays", [(False, 2), (True, 1)])
def test_what_is_kept_is_what_the_gradient_needs_and_was_not_given(remat, arrays):
    block = lambda x: jnp.exp(jnp.exp(x))  # the gradient of exp is its value
    block = jax.checkpoint(block) if remat else block

    def loss(params, batch, key, step, teacher):
        inner = params["a"]["w"] * batch["x"]["x"]  # needs inputs alone
        return block(inner).sum(), {}

    shape = jax.ShapeDtypeStruct((8, 16), jnp.float32)
    program = types.SimpleNamespace(
        recipe=types.SimpleNamespace(loss=loss), frozen={}, batch={"x": {"x": shape}},
        state=types.SimpleNamespace(params={"a": {"w": shape}}),
        config=types.SimpleNamespace(train=types.SimpleNamespace(steps=1, accumulate=1)),
    )  # fmt: skip
    assert costs.kept(program) == arrays * 8 * 16 * 4
