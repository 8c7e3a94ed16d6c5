"""The mesh and its rules: where every parameter lies."""

import re

import jax
import numpy as np
import pytest

from data_pipelines.errors import UserError
from itit_jax import sharding


def test_an_unmatched_matrix_is_an_error_with_its_path():
    mesh = sharding.make_mesh()
    with pytest.raises(UserError, match="no rule of mesh.rules matches a/b"):
        sharding.match((("other", ()),), {"a": {"b": np.zeros((2, 2))}}, mesh)


def test_an_axis_that_does_not_divide_is_left_out():
    mesh = sharding.make_mesh(1, 2, 4)
    rules = ((".*", ("fsdp", "tensor")),)
    assert sharding.spec_of(rules, "k", (6, 6), mesh) == jax.P("fsdp", None)


def test_a_mesh_that_does_not_fit_is_one_sentence():
    with pytest.raises(UserError, match="does not fit the 8 devices"):
        sharding.make_mesh(3, 1, 1)


def test_the_first_rule_that_matches_counts():
    mesh = sharding.make_mesh(1, 2, 4)
    rules = ((r"a/kernel", ("tensor", None)), (r".*kernel", (None, "fsdp")), (r".*", ()))
    assert sharding.spec_of(rules, "a/kernel", (8, 8), mesh) == jax.P("tensor", None)
    assert sharding.spec_of(rules, "b/a/kernel", (8, 8), mesh) == jax.P(None, "fsdp")


def test_a_rule_speaks_of_one_layer_of_a_stack():
    mesh = sharding.make_mesh(1, 2, 4)
    rules = ((r".*kernel", ("fsdp", "tensor")),)
    found = sharding.spec_of(rules, "encoder/layers/kernel", (3, 8, 8), mesh)
    assert found == jax.P(None, "fsdp", "tensor")
    with pytest.raises(UserError, match="has 2 axes, but encoder/kernel has the shape"):
        sharding.spec_of(rules, "encoder/kernel", (8,), mesh)


def test_what_an_optimizer_keeps_of_a_parameter_lies_as_it_does():
    mesh = sharding.make_mesh(1, 2, 4)
    params = {"a": {"kernel": np.zeros((8, 16))}}
    places = sharding.match(((r".*", ("fsdp", "tensor")),), params, mesh)
    state = {
        "mu": params,
        "rows": {"a": {"kernel": np.zeros(8)}},  # factored: a dimension and its axis are gone
        "columns": {"a": {"kernel": np.zeros(16)}},
        "count": np.zeros(()),
    }
    found = sharding.match_optimizer(state, params, places)
    specs = {name: jax.tree.leaves(found[name])[0].spec for name in state}
    assert specs == {
        "mu": jax.P("fsdp", "tensor"),
        "rows": jax.P("fsdp"),
        "columns": jax.P("tensor"),
        "count": jax.P(),
    }


def test_a_constraint_is_nothing_where_no_mesh_is_set():
    x = np.zeros((4, 4))
    assert sharding.constrain(x, "data", None) is x


def test_what_is_gathered_stays_apart_where_products_are():
    mesh = sharding.make_mesh(2, 2, 2)
    rules = ((r"a/.*/kernel", ("fsdp", "tensor")), (r".*", ()))
    params = {"layers": {"kernel": np.ones((3, 4, 8), np.float32)}, "scale": np.ones(4, np.float32)}
    given = jax.device_put(params, sharding.match(rules, {"a": params}, mesh)["a"])
    assert given["layers"]["kernel"].sharding.shard_shape((3, 4, 8)) == (3, 2, 4)
    with jax.set_mesh(mesh):
        found = jax.jit(lambda params: sharding.gathered(rules, "a", params))(given)
    assert found["layers"]["kernel"].sharding.shard_shape((3, 4, 8)) == (3, 4, 4)
    assert found["scale"].sharding.is_fully_replicated


def test_rows_that_are_joined_stay_on_their_device_and_come_apart_again():
    mesh = sharding.make_mesh(2, 2, 2)
    rows = [np.arange(4 * n, dtype=np.float32).reshape(4 * n, 1) for n in (1, 3)]
    given = jax.device_put(rows, sharding.batch_sharding(mesh))
    with jax.set_mesh(mesh):
        compiled = jax.jit(lambda rows: sharding.joined(rows)).lower(given).compile()
        whole = compiled(given)
        parts = jax.jit(lambda x: sharding.parted(x, [4, 12]))(whole)
    assert not re.search("all-|permute", compiled.as_text())
    assert np.asarray(whole)[:4, 0].tolist() == [0, 0, 1, 2]  # of the first device
    for part, was in zip(parts, rows):
        assert np.array_equal(part, was)
