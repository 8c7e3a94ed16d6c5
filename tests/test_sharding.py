"""The mesh and its rules: where every parameter lies."""

import jax
import numpy as np
import pytest

from data_pipelines.errors import UserError
from itit_jax import config as settings
from itit_jax import sharding
from itit_jax.recipes import base


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


@pytest.mark.parametrize("name", ["itit_tiny", "itit_large", "vq_f16"])
def test_every_parameter_has_a_rule(name):
    config = settings.load(f"configs/{name}.py")
    recipe = base.find(config)
    shapes = jax.eval_shape(recipe.init, jax.random.key(0))
    sharding.match(config.mesh.rules, shapes, sharding.make_mesh(2, 2, 2))
