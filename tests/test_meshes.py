"""The plain command on many devices and processes, killed, and resumed on another mesh."""

import json
import signal
import time

import numpy as np
import pytest

from tests import runs

# (processes, devices of each, mesh) of the parts of a run; every part but the last is killed.
CHAIN = (
    (1, 4, dict(data=1, fsdp=2, tensor=2)),
    (2, 2, dict(data=2, fsdp=2, tensor=1)),
    (4, 1, dict(data=2, fsdp=1, tensor=2)),
)


def metrics(workdir):
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return {line["step"]: line for line in lines}


def newest(workdir):
    steps = [int(f.name) for f in (workdir / "checkpoints").glob("*") if f.name.isdecimal()]
    return max(steps, default=0)


def pass_on(arguments, workdir, chain):
    """Each part of the chain until it has saved something, the last one to its end."""
    for processes, devices, mesh in chain:
        last = (processes, devices, mesh) == chain[-1]
        axes = [f"--config.mesh.{name}={size}" for name, size in mesh.items()]
        before = newest(workdir)
        started = runs.start_many(*arguments, *axes, processes=processes, devices=devices)
        while not last and newest(workdir) <= before and started[0].poll() is None:
            time.sleep(0.02)
        for process in [] if last else started:
            process.send_signal(signal.SIGKILL)
        outputs = [process.communicate(timeout=1500)[0] for process in started]
        assert not last or [p.returncode for p in started] == [0] * processes, "\n".join(outputs)


def agree(found, expected, names):
    assert sorted(found) == sorted(expected)
    for step in expected:
        for name in names:
            np.testing.assert_allclose(
                found[step][name], expected[step][name], rtol=2e-5, atol=1e-7, err_msg=f"{step}"
            )


def test_itit_gives_the_losses_of_one_device(trained, easy, tokenizer, tmp_path):
    workdir = tmp_path / "run"
    pass_on(runs.itit(workdir, easy, tokenizer), workdir, CHAIN)
    agree(metrics(workdir), metrics(trained), ("draw", "caption", "t2i2t", "i2t2i"))


@pytest.mark.parametrize(
    "config", [runs.VQ, runs.CLASSIFIER], ids=["tokenizer", "classifier"]
)
def test_the_other_recipes_give_the_losses_of_one_device(config, easy, tmp_path):
    arguments = [
        *config, f"--config.data.path={easy}", "--config.train.steps=6", "--config.save.every=1",
        "--config.sample.every=0",
    ]
    runs.run(*arguments, f"--workdir={tmp_path / 'one'}")
    pass_on([*arguments, f"--workdir={tmp_path / 'many'}"], tmp_path / "many", CHAIN[:2])
    agree(metrics(tmp_path / "many"), metrics(tmp_path / "one"), ("loss",))
