"""Checkpoints come back bit for bit, and a damaged one is passed over."""

import contextlib
import errno
import resource
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.commands import exit_code
from data_pipelines.errors import UserError
from itit_jax import checkpoints, manifest
from itit_jax.checkpoints import Checkpoints, Saver
from itit_jax.state import TrainState
from itit_jax.workdir import Workdir


def state(step):
    params = {"model": {"kernel": jax.random.normal(jax.random.key(step), (4, 3))}}
    return TrainState(step=jnp.int32(step), params=params, opt_state=(jnp.ones(2),), ema=None)


def shapes(of):
    place = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place), of)


def saved(folder, steps=(1, 2), keep=2):
    checkpoints = Saver(Workdir(folder), keep)
    for step in steps:
        checkpoints.save(step, state(step))
    checkpoints.wait()
    return checkpoints


def test_the_newest_step_comes_back_bit_for_bit(tmp_path):
    saved(tmp_path)
    found = Checkpoints(Workdir(tmp_path)).restore(shapes(state(0)))
    jax.tree.map(np.testing.assert_array_equal, found, state(2))


def test_only_the_newest_stay(tmp_path):
    saved(tmp_path, steps=(1, 2, 3))
    assert sorted(p.name for p in (tmp_path / "checkpoints").glob("[0-9]*")) == ["2", "3"]


@pytest.mark.parametrize("damage", ["_METADATA", "manifest.ocdbt"])
def test_a_damaged_step_is_passed_over(tmp_path, damage, capsys):
    saved(tmp_path)
    (tmp_path / "checkpoints" / "2" / "default" / damage).unlink()
    shutil.rmtree(tmp_path / "checkpoints" / "2" / "default" / "d", ignore_errors=True)
    found = Checkpoints(Workdir(tmp_path)).restore(shapes(state(0)))
    assert int(found.step) == 1
    assert "checkpoint 2 is damaged" in capsys.readouterr().err


def test_a_damaged_step_is_saved_anew_when_the_run_comes_to_it_again(tmp_path):
    saved(tmp_path)
    for file in (tmp_path / "checkpoints" / "2" / "default").rglob("*"):
        if file.is_file():
            file.write_bytes(b"")
    saver = Saver(Workdir(tmp_path), 2)
    begin = saver.restore(shapes(state(0)))
    assert saver.forget_after(int(begin.step)) == {2: "is kept as checkpoints/2.bad"}
    saver.save(2, state(2))
    saver.wait()
    found = Checkpoints(Workdir(tmp_path)).restore(shapes(state(0)))
    jax.tree.map(np.testing.assert_array_equal, found, state(2))
    left = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert left == ["1", "2", "2.bad"], "what was found is kept"


@pytest.fixture
def failing(monkeypatch):
    """failing(count, error): the first so many looks at what `place` names end by it."""
    monkeypatch.setattr(checkpoints, "AGAIN", (0, 0))

    def begin(place, name, count, error):
        real, looks = getattr(place, name), []

        def look(*arguments, **more):
            looks.append(1)
            if len(looks) <= count:
                raise error
            return real(*arguments, **more)

        monkeypatch.setattr(place, name, look)

    return begin


AWAY = OSError(errno.ESTALE, "Stale file handle")
READERS = ((manifest, "digest"), (Checkpoints, "_restore_once"))


@pytest.mark.parametrize("place, name", READERS)
def test_a_disk_that_is_away_for_a_moment_costs_no_checkpoint(place, name, failing, tmp_path):
    saved(tmp_path)
    failing(place, name, 2, AWAY)
    saver = Saver(Workdir(tmp_path), 2)
    begin = saver.restore(shapes(state(0)))
    assert int(begin.step) == 2 and saver.forget_after(2) == {}


@pytest.mark.parametrize("place, name", READERS)
@pytest.mark.parametrize("error, code", [
    (AWAY, 42), (PermissionError(errno.EACCES, "Permission denied"), 2)
])  # fmt: skip
def test_a_disk_that_stays_away_is_no_damage_and_is_begun_anew_but_rights_are_the_users(
    error, code, place, name, failing, tmp_path, capsys
):
    saved(tmp_path)
    failing(place, name, 99, error)
    reader, model = Checkpoints(Workdir(tmp_path)), shapes(state(0).params["model"])
    for read in (lambda: reader.restore(shapes(state(0))), reader.whole_step,
                 lambda: reader.restore_part("params", "model", model)):  # fmt: skip
        if place is Checkpoints and read == reader.whole_step:
            continue  # which looks at the manifest alone
        assert exit_code("itit_jax", read) == code
        told = capsys.readouterr().err
        assert told.count("\n") == 1 and "damaged" not in told and error.strerror in told


def test_a_step_that_is_as_it_was_written_is_not_damaged_whoever_cannot_read_it(failing, tmp_path):
    saved(tmp_path)
    failing(Checkpoints, "_restore_once", 99, ValueError("no such driver"))
    with pytest.raises(UserError, match=r"/2 cannot be read \(no such driver\), and no damage is"):
        Checkpoints(Workdir(tmp_path)).restore(shapes(state(0)))
    (tmp_path / "checkpoints" / "2" / "manifest.json").unlink()
    (tmp_path / "checkpoints" / "1" / "manifest.json").unlink()
    with pytest.raises(UserError, match="no checkpoint under .* can be restored"):
        Checkpoints(Workdir(tmp_path)).restore(shapes(state(0)))


def test_a_reader_makes_no_folder_and_says_nothing(tmp_path, capfd):
    assert Checkpoints(Workdir(tmp_path / "none")).latest() is None
    assert not (tmp_path / "none").exists()
    saved(tmp_path)
    capfd.readouterr()
    reader = Checkpoints(Workdir(tmp_path))
    reader.restore_part("params", "model", shapes(state(0).params["model"]))
    assert capfd.readouterr().err == ""


def test_leftovers_of_a_killed_save_are_removed_by_the_next_run_and_by_no_reader(tmp_path):
    leftover = tmp_path / "checkpoints" / "7.orbax-checkpoint-tmp-1"
    leftover.mkdir(parents=True)
    assert Checkpoints(Workdir(tmp_path)).latest() is None  # to it this may be a save that goes on
    assert leftover.exists()
    Workdir(tmp_path).remove_leftovers()
    assert not leftover.exists()


def test_another_shape_is_one_sentence_with_its_path(tmp_path):
    saved(tmp_path)
    other = state(0).replace(params={"model": {"kernel": jnp.zeros((5, 3))}})
    with pytest.raises(UserError, match=r"params/model/kernel of shape \(4, 3\)"):
        Checkpoints(Workdir(tmp_path)).restore(shapes(other))


def test_a_part_that_the_config_does_not_train_is_one_sentence_and_no_damage(tmp_path):
    checkpoints = Saver(Workdir(tmp_path), 1)
    checkpoints.save(1, state(0).replace(params={"drawer": jnp.ones(2)} | state(0).params))
    checkpoints.wait()
    with pytest.raises(UserError, match="has params/drawer, which its config does not train"):
        Checkpoints(Workdir(tmp_path)).restore(shapes(state(0)))


def test_one_part_is_read_alone(tmp_path):
    saved(tmp_path)
    model = shapes(state(0).params["model"])
    part = Checkpoints(Workdir(tmp_path)).restore_part("params", "model", model)
    np.testing.assert_array_equal(part["kernel"], state(2).params["model"]["kernel"])
    with pytest.raises(UserError, match="no checkpoint yet"):
        Checkpoints(Workdir(tmp_path / "empty")).restore_part("params", "model", {})


def test_a_step_that_is_asked_for_is_the_one_that_is_read(tmp_path):
    saved(tmp_path)
    model = shapes(state(0).params["model"])
    part = Checkpoints(Workdir(tmp_path)).restore_part("params", "model", model, step=1)
    np.testing.assert_array_equal(part["kernel"], state(1).params["model"]["kernel"])


def test_numbers_that_are_not_finite_are_no_checkpoint_to_go_on_from(tmp_path, capsys):
    saver = saved(tmp_path, steps=(1,))
    kernel = state(2).params["model"]["kernel"].at[1, 1].set(jnp.nan)
    saver.save(2, state(2).replace(params={"model": {"kernel": kernel}}))
    saver.wait()
    reader = Checkpoints(Workdir(tmp_path))
    assert int(reader.restore(shapes(state(0))).step) == 1
    assert "params/model/kernel is not finite" in capsys.readouterr().err
    with pytest.raises(UserError, match="params/model/kernel is not finite"):
        reader.restore_part("params", "model", shapes(state(0).params["model"]))


def test_who_reads_is_told_of_a_damaged_step_and_given_the_older_one(tmp_path, capsys):
    saved(tmp_path)
    reader, model = Checkpoints(Workdir(tmp_path)), shapes(state(0).params["model"])
    empty(tmp_path / "checkpoints" / "2")
    part = reader.restore_part("params", "model", model)
    np.testing.assert_array_equal(part["kernel"], state(1).params["model"]["kernel"])
    assert "checkpoint 2 is damaged" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"checkpoints/2 cannot be read .* saves it anew"):
        reader.restore_part("params", "model", model, step=2)
    empty(tmp_path / "checkpoints" / "1")
    with pytest.raises(UserError, match="no checkpoint under .* is whole"):
        reader.restore_part("params", "model", model)


def empty(folder):
    for file in folder.rglob("*"):
        if file.is_file():
            file.write_bytes(b"")


def test_a_full_disk_costs_one_save_and_leaves_the_older_steps_and_nothing_else(tmp_path, caplog):
    large = jax.random.normal(jax.random.key(0), (300, 300))
    grown = lambda step: state(step).replace(params={"model": {"kernel": large * step}})
    saver = Saver(Workdir(tmp_path), 2)
    assert saver.save(1, grown(1)) == ""
    saver.wait()
    with most_bytes(50_000):
        first = saver.save(2, grown(2))
        second = saver.save(3, grown(3))
        with pytest.raises(UserError, match="could not be written .* goes on from step 1"):
            saver.wait()
    assert first or second, "one of them tells of the other"
    assert not [record for record in caplog.records if record.exc_info]
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["1"]
    assert saver.save(4, grown(4)) == ""
    saver.wait()
    for step in (4, 1):
        found = Checkpoints(Workdir(tmp_path)).restore(shapes(grown(0)))
        jax.tree.map(np.testing.assert_array_equal, found, grown(step))
        shutil.rmtree(tmp_path / "checkpoints" / str(step))


@contextlib.contextmanager
def most_bytes(count):
    """No file grows beyond so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
