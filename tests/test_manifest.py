"""Whatever happens to a file of a checkpoint is seen before the checkpoint is read."""

import shutil
import time

import jax
import numpy as np

from itit_jax.checkpoints import Checkpoints, Saver
from itit_jax.workdir import Workdir
from tests.test_checkpoints import saved, shapes, state


def damage(file, rng):
    """One flipped bit, a cut, or nothing left: how, in a word."""
    data = bytearray(file.read_bytes())
    how = rng.choice(["flip", "cut", "empty", "gone"]) if data else "gone"
    if how == "gone":
        file.unlink()
    elif how == "flip":
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        file.write_bytes(data)
    else:
        file.write_bytes(data[: rng.integers(len(data)) if how == "cut" else 0])
    return f"{file} {how}"


def test_whatever_happens_to_a_file_of_the_newest_step_the_older_one_is_taken(tmp_path):
    saved(tmp_path / "whole")
    rng, folder = np.random.default_rng(0), tmp_path / "run"
    files = sorted(
        file.relative_to(tmp_path / "whole")
        for file in (tmp_path / "whole" / "checkpoints" / "2").rglob("*")
        if file.is_file()
    )
    assert any(file.name == "manifest.json" for file in files)
    for place in [*files, *rng.choice(files, 40)]:
        shutil.copytree(tmp_path / "whole", folder)
        done = damage(folder / place, rng)
        # Without a manifest, as of an older run or one killed at that moment, Orbax is believed.
        expected = 2 if done.endswith("manifest.json gone") else 1
        assert Checkpoints(Workdir(folder)).whole_step() == expected, done
        shutil.rmtree(folder)


def test_a_step_in_the_place_of_another_is_not_that_one(tmp_path, capsys):
    saved(tmp_path)
    shutil.rmtree(tmp_path / "checkpoints" / "2")
    shutil.copytree(tmp_path / "checkpoints" / "1", tmp_path / "checkpoints" / "2")
    found = Checkpoints(Workdir(tmp_path)).restore(shapes(state(0)))
    jax.tree.map(np.testing.assert_array_equal, found, state(1))
    assert "checkpoint 2 is damaged (it is step 1)" in capsys.readouterr().err


def test_the_manifest_is_written_after_each_save_while_training_goes_on(tmp_path):
    saver = Saver(Workdir(tmp_path), 3)
    saver.save(1, state(1))
    file, patience = tmp_path / "checkpoints" / "1" / "manifest.json", time.time() + 60
    while not file.exists() and time.time() < patience:
        time.sleep(0.02)
    assert file.exists(), "without a wait or a next save"
    saver.wait()


def test_to_read_a_step_changes_none_of_its_files(tmp_path):
    saved(tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    Saver(Workdir(tmp_path), 2).restore(shapes(state(0)))
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_a_step_without_a_manifest_is_read(tmp_path):
    saved(tmp_path)
    (tmp_path / "checkpoints" / "2" / "manifest.json").unlink()
    found = Checkpoints(Workdir(tmp_path)).restore(shapes(state(0)))
    jax.tree.map(np.testing.assert_array_equal, found, state(2))
