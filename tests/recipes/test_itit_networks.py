"""The networks of ITIT have the published sizes."""

import jax
import pytest

from itit_jax import config as settings
from itit_jax.recipes import base


@pytest.mark.parametrize("size, millions", [("base", 221), ("large", 487), ("huge", 868)])
def test_published_sizes_within_three_percent(size, millions):
    recipe = base.find(settings.load(f"configs/itit_{size}.py"))
    model = jax.eval_shape(recipe.init, jax.random.key(0))["model"]
    found = sum(leaf.size for leaf in jax.tree.leaves(model)) / 1e6
    assert abs(found / millions - 1) < 0.03, found
