"""The training state of a recipe of two parts, one of them frozen."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from itit_jax import sharding, state

RULES = ((r".*kernel", ("fsdp", "tensor")),)
RECIPE = types.SimpleNamespace(
    trainable=("model",),
    init=lambda key: {
        "model": {"kernel": jax.random.normal(key, (8, 6)), "bias": jnp.zeros(6)},
        "tokenizer": {"kernel": jnp.ones((4, 4))},
    },
)
OPTIMIZER = optax.adam(1e-3)


@pytest.fixture(scope="module")
def mesh():
    return sharding.make_mesh(2, 2, 2)


def test_the_state_holds_the_trained_parts_and_what_updates_them():
    found = state.make_init(RECIPE, OPTIMIZER, use_ema=True)(jax.random.key(3))
    assert found.step == 0 and found.step.dtype == jnp.int32
    assert found.params.keys() == {"model"}
    np.testing.assert_array_equal(
        found.params["model"]["kernel"], jax.random.normal(jax.random.key(3), (8, 6))
    )
    assert found.opt_state[0].mu.keys() == {"model"}
    assert state.make_init(RECIPE, OPTIMIZER, use_ema=False)(jax.random.key(3)).ema is None


def test_the_average_starts_as_a_copy_that_may_be_given_away():
    found = state.make_init(RECIPE, OPTIMIZER, use_ema=True)(jax.random.key(3))
    kept = np.asarray(found.params["model"]["kernel"]).copy()
    found.params["model"]["kernel"].delete()
    np.testing.assert_array_equal(found.ema["model"]["kernel"], kept)


def test_shapes_and_places_are_known_before_anything_is_there(mesh):
    found = state.abstract_state(RECIPE, OPTIMIZER, True, mesh, RULES)
    assert all(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in jax.tree.leaves(found))
    adam = found.opt_state[0]
    for tree in (found.params, found.ema, adam.mu, adam.nu):
        kernel = tree["model"]["kernel"]
        assert kernel.shape == (8, 6) and kernel.sharding.spec == jax.P("fsdp", "tensor")
        assert tree["model"]["bias"].sharding.is_fully_replicated
    assert found.step.sharding.is_fully_replicated and adam.count.sharding.is_fully_replicated
    assert state.abstract_state(RECIPE, OPTIMIZER, False, mesh, RULES).ema is None


def test_parts_are_described_trained_or_not(mesh):
    found = state.abstract_parts(RECIPE, mesh, RULES)
    assert found.keys() == {"model", "tokenizer"}
    assert found["tokenizer"]["kernel"].sharding.shard_shape((4, 4)) == (2, 2)


def test_places_of_arrays_and_of_their_description_are_the_same(mesh):
    described = state.abstract_parts(RECIPE, mesh, RULES)
    there = jax.device_put(RECIPE.init(jax.random.key(0)), state.places(described))
    assert state.places(there) == state.places(described)
