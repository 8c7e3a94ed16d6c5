"""A damaged small file of a run is one sentence, or is read as far as it goes."""

import json

import numpy as np
import pytest

from data_pipelines.errors import UserError
from itit_jax import config as settings
from itit_jax import main, workdir
from itit_jax.workdir import METRICS, Workdir

ROWS = [{"step": step, "loss": 1 / step, "skipped": 0.0} for step in range(1, 9)]


def begun(folder):
    """A run of eight steps."""
    run = Workdir(folder)
    run.keep_config(settings.load("configs/vq_tiny.py"))
    run.keep_companions({"dataset": "ab" * 32})
    run.keep_scores(8, {"test": {"l1": 0.5, "signature": "x"}})
    run.keep(METRICS, "".join(json.dumps(row) + "\n" for row in ROWS))
    run.checkpoints.mkdir()
    return run


def damaged(data, rng):
    """One bit flipped, or the end cut off."""
    if rng.integers(2):
        return data[: rng.integers(len(data))]
    data = bytearray(data)
    data[rng.integers(len(data))] ^= 1 << rng.integers(8)
    return bytes(data)


@pytest.mark.parametrize("name", ["config.json", "companions.json", "eval.json", METRICS])
def test_damage_is_no_traceback(name, tmp_path):
    run, rng = begun(tmp_path), np.random.default_rng(0)
    whole = (tmp_path / name).read_bytes()
    odd, refused = (b"", b"[]", b"3", b"\xff", b"[" * 5000), 0
    for data in (*odd, *(damaged(whole, rng) for _ in range(150))):
        (tmp_path / name).write_bytes(data)
        try:
            run.check_whole()
            assert all(row in ROWS or name == METRICS for row in run.metrics())
        except UserError as error:
            assert name in str(error)
            refused += 1
    assert (refused > 50) == (name != METRICS)


def test_lines_of_metrics_that_cannot_be_read_are_counted_and_none_stands_twice(tmp_path):
    run = begun(tmp_path)
    lines = (tmp_path / METRICS).read_bytes().splitlines(keepends=True)
    torn = b"".join([*lines[:2], lines[2][:9] + b"\n", b"\xff\n", lines[3], lines[3], *lines[4:]])
    (tmp_path / METRICS).write_bytes(torn + b'{"step": 9, "lo')
    assert [row["step"] for row in run.metrics()] == [1, 2, 4, 5, 6, 7, 8]
    assert run.forget_after(6) == (5, 2)
    assert (tmp_path / METRICS).read_bytes() == b"".join(lines[i] for i in (0, 1, 3, 4, 5))


def test_a_run_whose_checkpoints_are_gone_is_refused_and_keeps_its_metrics(tmp_path, capsys):
    begun(tmp_path).checkpoints.rmdir()
    before = (tmp_path / METRICS).read_bytes()
    again = ["--config=configs/vq_tiny.py", f"--workdir={tmp_path}"]
    assert main.main(again) == 2
    assert "holds the metrics of 8 steps, but its checkpoints are gone" in capsys.readouterr().err
    assert (tmp_path / METRICS).read_bytes() == before and not (tmp_path / "checkpoints").exists()


def test_a_folder_in_the_place_of_a_file_and_a_file_in_that_of_a_folder_are_refused(tmp_path):
    for name in workdir.FILES:
        (tmp_path / name / name).mkdir(parents=True)
        with pytest.raises(UserError, match=f"{name}/{name} is a folder"):
            Workdir(tmp_path / name).check_whole()
    for name in workdir.FOLDERS:
        (tmp_path / name).mkdir()
        (tmp_path / name / name).symlink_to("nowhere")
        with pytest.raises(UserError, match=f"{name}/{name} is no folder"):
            Workdir(tmp_path / name).check_whole()


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("name", ["eval.json", "companions.json"])
def test_an_empty_file_is_refused_before_the_work(name, mode, tmp_path, capsys):
    begun(tmp_path)
    (tmp_path / name).write_bytes(b"")
    assert main.main([f"--workdir={tmp_path}", f"--mode={mode}"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("itit_jax: ") and f"{name} is no JSON" in told
