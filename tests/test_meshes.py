"""The plain command on many devices and processes, killed, and resumed on another mesh."""

import os
import pathlib
import re
import signal
import time
import types

import numpy as np
import pytest

from data_pipelines import build, merge
from data_pipelines.errors import UserError
from itit_jax import distributed, sharding
from launch import local
from tests import runs

# (processes, devices of each, mesh) of the parts of a run; every part but the last is killed.
TURNED = (
    (2, 2, dict(data=1, fsdp=2, tensor=2)),
    (1, 4, dict(data=2, fsdp=1, tensor=2)),
    (4, 1, dict(data=2, fsdp=1, tensor=2)),  # two and two processes read the same rows
)


def newest(workdir):
    steps = [int(f.name) for f in (workdir / "checkpoints").glob("*") if f.name.isdecimal()]
    return max(steps, default=0)


def pass_on(arguments, workdir, chain):
    """Each part of the chain until it has saved something, the last one to its end."""
    for number, (processes, devices, mesh) in enumerate(chain, start=1):
        last = number == len(chain)
        axes = [f"--config.mesh.{name}={size}" for name, size in mesh.items()]
        before = newest(workdir)
        started = runs.start_many(*arguments, *axes, processes=processes, devices=devices)
        while not last and newest(workdir) <= before and started[0].poll() is None:
            time.sleep(0.02)
        for process in [] if last else started:
            process.send_signal(signal.SIGKILL)
        outputs = [process.communicate(timeout=1500)[0] for process in started]
        assert not last or [p.returncode for p in started] == [0] * processes, "\n".join(outputs)


def wait_for(process, condition):
    """Until it holds, or the process has ended; ten minutes at most."""
    end = time.monotonic() + 600
    while process.poll() is None and not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.1)


def agree(found, expected, names):
    """Sums in another order differ by 1e-7, and each update of Adam enlarges it: it divides small
    gradients by their own size. A shard too many or too few is seen from 1e-2 on."""
    assert sorted(found) == sorted(expected)
    for step in expected:
        for name in names:
            np.testing.assert_allclose(
                found[step][name], expected[step][name], rtol=1e-4, atol=1e-7, err_msg=f"{step}"
            )


@pytest.mark.long
def test_both_cycles_in_two_processes_give_the_losses_of_one_device(
    trained, easy, tokenizer, tmp_path
):
    workdir = tmp_path / "run"
    pass_on(runs.itit(workdir, easy, tokenizer), workdir, TURNED[:1])
    agree(runs.metrics(workdir), runs.metrics(trained), ("draw", "caption", "t2i2t", "i2t2i"))


@pytest.mark.long
def test_a_run_that_is_killed_goes_on_on_any_mesh_with_the_losses_of_one_device(easy, tmp_path):
    arguments = [
        *runs.CLASSIFIER, f"--config.data.path={easy}", "--config.train.steps=6",
        "--config.save.every=1", "--config.sample.every=0",
    ]  # fmt: skip
    runs.run(*arguments, f"--workdir={tmp_path / 'one'}")
    pass_on([*arguments, f"--workdir={tmp_path / 'many'}"], tmp_path / "many", TURNED)
    agree(runs.metrics(tmp_path / "many"), runs.metrics(tmp_path / "one"), ("loss",))


@pytest.fixture(scope="module")
def merged(easy, tmp_path_factory):
    """Two data sets as one."""
    place = tmp_path_factory.mktemp("merged")
    scenes = ["--from=scenes", "--preset=easy", "--seed=1"]
    assert build.main([*scenes, f"--out={place / 'other'}"]) == 0
    named = [f"{easy}:images", f"{easy}:test", f"{place / 'other'}:images"]
    assert merge.main([*named, f"--out={place / 'mix'}"]) == 0
    return place / "mix"


@pytest.mark.long
@pytest.mark.parametrize("window", [0, 1])
@pytest.mark.parametrize("hosts", [1, 2])
def test_a_killed_run_on_a_merged_set_ends_bit_identical(hosts, window, merged, tmp_path):
    part = (hosts, 1, dict(data=hosts, fsdp=1, tensor=1))
    arguments = [*runs.VQ, f"--config.data.path={merged}", "--config.train.steps=6",
                 "--config.save.every=1", "--config.evaluate.splits=test,",
                 f"--config.data.window={window}"]  # fmt: skip
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder, chain in ((whole, [part]), (killed, [part, part])):
        pass_on([*arguments, f"--workdir={folder}"], folder, chain)
    for name in ("metrics.jsonl", "eval.json"):  # the scores are those of the last state
        assert (killed / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.long
def test_two_processes_of_which_one_is_asked_to_stop_or_lost_end_together_and_go_on(easy, tmp_path):
    run = tmp_path / "run"
    launcher = runs.start(
        "--processes=2", *runs.CLASSIFIER, f"--workdir={run}", f"--config.data.path={easy}",
        "--config.train.steps=1000000", "--config.log.seconds=0.1", module="launch.local",
    )  # fmt: skip
    children = pathlib.Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children")
    count = lambda name, text: (run / name).read_text().count(text) if (run / name).exists() else 0

    def trains_in_life(number):
        steps = count("metrics.jsonl", "\n")
        return count("log.txt", "reads part 2 of 2") == number and steps > newest(run)

    for number, asked in enumerate((signal.SIGTERM, signal.SIGKILL), start=1):
        wait_for(launcher, lambda: trains_in_life(number))  # noqa: B023
        os.kill(int(children.read_text().split()[1]), asked)
    wait_for(launcher, lambda: trains_in_life(3))
    first = newest(run)
    launcher.send_signal(signal.SIGTERM)
    output = launcher.communicate(timeout=600)[0]
    assert launcher.returncode == 42, output
    assert "exit code 42: started again" in output and "exit code 137: started again" in output
    assert output.count("the same command goes on\n") == 2, "once the first, once the last life"
    assert output.count(f"resuming from step {first}\n") == 2, output
    assert "itit_jax: process 1 of 2 (" in output and "gives no sign of life" in output
    assert "Traceback" not in output and "reads part 2 of 2 of the rows" in output
    assert newest(run) == max(runs.metrics(run))
    assert sorted(runs.metrics(run)) == list(range(1, newest(run) + 1))


@pytest.mark.long
def test_processes_that_read_other_data_all_end_with_one_sentence(easy, tmp_path):
    other = tmp_path / "other"
    assert build.main(["--from=scenes", "--preset=easy", "--seed=1", f"--out={other}"]) == 0
    port = local.free_port()
    arguments = [*runs.CLASSIFIER, f"--workdir={tmp_path / 'run'}"]
    both = [
        runs.start(*arguments, f"--config.data.path={data}", **local.environment(number, 2, port))
        for number, data in enumerate((easy, other))
    ]
    outputs = [process.communicate(timeout=600)[0] for process in both]
    assert [process.returncode for process in both] == [2, 2], "\n".join(outputs)
    for output in outputs:
        assert re.search(r"itit_jax: process 1 \(.*\) has another dataset than process 0", output)
        assert "Traceback" not in output
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


class Device:
    """What is asked of a device: whose it is."""

    def __init__(self, process_index):
        self.process_index = process_index


@pytest.mark.parametrize(
    "shape, devices_of_each, expected",
    [
        ((8, 1, 1), 8, (0, 1)),
        ((4, 2, 1), 2, (0, 4)),  # each process has rows of its own
        ((2, 1, 4), 2, (0, 2)),  # two processes hold the same rows
        ((1, 1, 8), 2, (0, 1)),  # all do
    ],
)
def test_processes_that_share_rows_read_the_same(shape, devices_of_each, expected):
    devices = np.array([Device(i // devices_of_each) for i in range(8)]).reshape(shape)
    mesh = types.SimpleNamespace(devices=devices, shape=dict(zip(sharding.AXES, shape)))
    assert distributed.readers(mesh) == expected


def test_processes_that_share_a_part_of_their_rows_are_refused():
    devices = np.array([Device(i // 4) for i in range(12)]).reshape(2, 1, 6)
    mesh = types.SimpleNamespace(devices=devices, shape=dict(zip(sharding.AXES, (2, 1, 6))))
    with pytest.raises(UserError, match="mesh.tensor=6 ends within a process"):
        distributed.readers(mesh)
