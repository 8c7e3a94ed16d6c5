"""The batch script in a stand-in of SLURM: what tasks are told, and what is begun anew."""

import json
import os
import signal
import subprocess

import pytest

from launch import slurm
from tests.launch import stubs

# Two tasks: one has seen a fault, and the other is ended by JAX then. The highest code is told.
SRUN = """#!/bin/bash
[ "$1 $2" = "--kill-on-bad-exit=1 --cpus-per-task=8" ] || exit 9
"${@:3}"
code=$?
[ "$code" -eq 0 ] || [ "$code" -eq 42 ] || [ "$code" -ge 134 ] || exit 134
exit "$code"
"""


@pytest.fixture
def submitted(tmp_path):
    """run(code of the program) -> (exit code of the batch script, words, calls of scontrol)."""

    def run(code, **variables):
        tools = stubs.Tools(tmp_path / "bin")
        tools.write("srun", SRUN)
        tools.add("python", code=code)
        tools.add("scontrol")
        job = stubs.job("slurm", arguments=stubs.hostile_arguments())
        ids = dict(SLURM_JOB_ID="7", SLURM_JOB_NAME="itit-large")
        environment = tools.environment | ids | variables
        (tmp_path / ".itit-large-7.fault").write_text("3")  # of a batch script that was killed
        done = subprocess.run(
            ["bash", "-c", slurm.batch(job)],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            env=environment,
        )
        assert sorted(path.name for path in tmp_path.iterdir()) == ["bin"]
        words, *others = tools.calls()
        return done.returncode, tuple(words.words), [call.words for call in others]

    return run


def test_the_program_is_told_what_was_typed(submitted):
    code, words, others = submitted(0)
    assert (code, others) == (0, [])
    assert words == ("-u", "-m", "itit_jax.main", *stubs.hostile_arguments())


@pytest.mark.parametrize("code", [42, 134, 143])
def test_what_a_new_start_helps_against_is_begun_anew(submitted, code):
    assert submitted(code)[2] == [["requeue", "7"]]


@pytest.mark.parametrize("code", [1, 2, 77])
def test_a_fault_of_one_process_ends_the_job_with_its_code(submitted, code):
    found, _, others = submitted(code)
    assert (found, others) == (code, [])


def test_no_more_often_than_was_asked(submitted):
    assert submitted(42, SLURM_RESTART_COUNT="50")[2] == []


def test_the_signal_to_stop_ends_the_program_and_not_what_waits_for_it(tmp_path):
    program = "trap 'sleep 0.2; exit 42' TERM; echo ready; while :; do sleep 0.01; done"
    words = ["bash", "-c", slurm.TASK, str(tmp_path / "fault"), "bash", "-c", program]
    task = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert task.stdout.readline() == "ready\n"
    os.killpg(task.pid, signal.SIGTERM)  # every process of the task
    assert task.wait(timeout=60) == 42 and not (tmp_path / "fault").exists()


def test_what_is_asked_of_slurm():
    job = stubs.job("slurm", "--slices=2", "--zone=gpu", "--project=lab", "--hours=12")
    lines = slurm.script(job).splitlines()
    assert lines[1:3] == ["sbatch <<'END'", "#!/bin/bash"]
    asked = {line.removeprefix("#SBATCH --") for line in lines if line.startswith("#SBATCH")}
    assert asked == {
        "job-name=itit-large", "nodes=2", "ntasks-per-node=8", "gpus-per-node=h100:8",
        "cpus-per-task=8", "time=12:00:00", "signal=TERM@120", "partition=gpu", "account=lab",
        "requeue", "open-mode=append",
    }  # fmt: skip
    assert json.dumps(lines).count("itit_jax.main") == 1
