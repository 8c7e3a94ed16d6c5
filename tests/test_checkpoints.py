"""Checkpoints come back bit for bit, and a damaged one is passed over."""

import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from itit_jax.checkpoints import Checkpoints, lock, remove_leftovers
from itit_jax.config import ConfigError
from itit_jax.state import TrainState


def state(step):
    params = {"model": {"kernel": jax.random.normal(jax.random.key(step), (4, 3))}}
    return TrainState(step=jnp.int32(step), params=params, opt_state=(jnp.ones(2),), ema=None)


def shapes(of):
    place = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place), of)


def saved(folder, steps=(1, 2), keep=2):
    checkpoints = Checkpoints(folder, keep)
    for step in steps:
        checkpoints.save(step, state(step))
    checkpoints.wait()
    return checkpoints


def test_the_newest_step_comes_back_bit_for_bit(tmp_path):
    saved(tmp_path)
    found = Checkpoints(tmp_path).restore(shapes(state(0)))
    jax.tree.map(np.testing.assert_array_equal, found, state(2))


def test_only_the_newest_stay(tmp_path):
    saved(tmp_path, steps=(1, 2, 3))
    assert sorted(p.name for p in (tmp_path / "checkpoints").glob("[0-9]*")) == ["2", "3"]


@pytest.mark.parametrize("damage", ["_METADATA", "manifest.ocdbt"])
def test_a_damaged_step_is_passed_over(tmp_path, damage, capsys):
    saved(tmp_path)
    (tmp_path / "checkpoints" / "2" / "default" / damage).unlink()
    shutil.rmtree(tmp_path / "checkpoints" / "2" / "default" / "d", ignore_errors=True)
    found = Checkpoints(tmp_path).restore(shapes(state(0)))
    assert int(found.step) == 1
    assert "checkpoint 2 is damaged" in capsys.readouterr().err


def test_leftovers_of_a_killed_save_are_removed_by_the_next_run_and_by_no_reader(tmp_path):
    leftover = tmp_path / "checkpoints" / "7.orbax-checkpoint-tmp-1"
    leftover.mkdir(parents=True)
    Checkpoints(tmp_path)  # a reader: to it this may be a save that goes on
    assert leftover.exists()
    remove_leftovers(tmp_path)
    assert not leftover.exists()


def test_another_shape_is_one_sentence_with_its_path(tmp_path):
    saved(tmp_path)
    other = state(0).replace(params={"model": {"kernel": jnp.zeros((5, 3))}})
    with pytest.raises(ConfigError, match=r"params/model/kernel of shape \(4, 3\)"):
        Checkpoints(tmp_path).restore(shapes(other))


def test_one_part_is_read_alone(tmp_path):
    saved(tmp_path)
    part = Checkpoints(tmp_path).restore_part("params", "model", shapes(state(0).params["model"]))
    np.testing.assert_array_equal(part["kernel"], state(2).params["model"]["kernel"])
    with pytest.raises(ConfigError, match="no checkpoint yet"):
        Checkpoints(tmp_path / "empty").restore_part("params", "model", {})


def test_a_workdir_is_locked_while_a_run_lives_and_free_after(tmp_path):
    with lock(tmp_path), pytest.raises(ConfigError, match="another run is alive"), lock(tmp_path):
        pass
    with lock(tmp_path):
        pass
