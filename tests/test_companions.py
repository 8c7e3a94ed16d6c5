"""A run stands on a tokenizer and a vocabulary: their hashes tell when another one is given."""

import jax
import numpy as np
import pytest

from data_pipelines.errors import UserError
from itit_jax import companions, sharding
from itit_jax.workdir import Workdir

PARAMS = {"a": np.arange(64, dtype=np.float32).reshape(8, 8), "b": {"c": np.ones(8, np.float32)}}


def test_the_hash_is_the_same_on_every_mesh():
    mesh = sharding.make_mesh(2, 2, 2)
    places = sharding.match((("a", ("fsdp", "tensor")), (".*", ())), PARAMS, mesh)
    spread = jax.device_put(PARAMS, places)
    assert companions.fingerprint(spread) == companions.fingerprint(PARAMS)


@pytest.mark.parametrize("change", ["value", "swap", "name", "shape"])
def test_the_hash_changes_with_anything(change):
    other = jax.tree.map(np.copy, PARAMS)
    if change == "value":
        other["a"][3, 3] = np.nextafter(other["a"][3, 3], np.float32(99))
    if change == "swap":
        other["a"][[0, 1]] = other["a"][[1, 0]]
    if change == "name":
        other["b"]["d"] = other["b"].pop("c")
    if change == "shape":
        other["a"] = other["a"].reshape(4, 16)
    assert companions.fingerprint(other) != companions.fingerprint(PARAMS)


def test_another_companion_is_refused_by_name(tmp_path):
    run = Workdir(tmp_path)
    run.keep_companions({"tokenizer": "one", "vocabulary": "two"})
    companions.check(run, {"tokenizer": "one", "vocabulary": "two"})
    companions.check(Workdir(tmp_path / "fresh"), {"tokenizer": "three"})
    with pytest.raises(UserError, match="the vocabulary is not the one that"):
        companions.check(run, {"tokenizer": "one", "vocabulary": "three"})


def test_a_folder_that_does_not_tell_what_it_was_made_with_is_refused(tmp_path):
    run = Workdir(tmp_path)
    with pytest.raises(UserError, match="does not tell with which dataset it was made"):
        companions.check(run, {"dataset": "one"}, told=["dataset"])
    run.keep_companions({"dataset": "one"})
    companions.check(run, {"dataset": "one"}, told=["dataset"])
