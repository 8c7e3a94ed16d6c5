"""The task of SkyPilot: machines, new starts, and what a machine runs."""

import subprocess

import pytest
import yaml

from launch import skypilot, text
from tests.launch import stubs


def task(*flags, **more):
    """What a reader of YAML sees of it."""
    return yaml.safe_load(text.yaml(skypilot.task(stubs.job("skypilot", *flags, **more))))


def ran(found, tmp_path, **variables):
    """What the program is called with when a machine runs the task, and its cluster."""
    tools = stubs.Tools(tmp_path / ".venv" / "bin")
    tools.write(
        "python", '#!/bin/bash\nprintf "%s\\0" "$@" > words\nenv | grep JAX_ > jax\nexit 0\n'
    )
    subprocess.run(["bash", "-c", found["run"]], check=True, cwd=tmp_path,
                   env=tools.environment | {"SKYPILOT_NUM_NODES": "1"} | variables)  # fmt: skip
    assert not (tmp_path / "pwned").exists()
    jax = dict(line.split("=", 1) for line in (tmp_path / "jax").read_text().splitlines())
    cluster = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
    words = tuple((tmp_path / "words").read_text().split("\0")[:-1])
    return words, {name: jax[name] for name in cluster if name in jax}


@pytest.fixture(autouse=True)
def folder(tmp_path):
    (tmp_path / ".venv").mkdir()


def test_a_tpu_is_asked_for_by_its_name_and_place():
    found = task("--zone=us-west4-a", "--spot")["resources"]
    assert found["accelerators"] == "tpu-v6e-8" and found["infra"] == "gcp/us-west4/us-west4-a"
    assert found["accelerator_args"] == {"runtime_version": "v2-alpha-tpuv6e"}
    assert found["use_spot"] is True


def test_the_program_is_told_what_was_typed(tmp_path):
    found = task(arguments=stubs.hostile_arguments())
    words, cluster = ran(found, tmp_path)
    assert words == ("-u", "-m", "itit_jax.main", *stubs.hostile_arguments())
    assert cluster == {}


def test_machines_with_gpus_find_each_other(tmp_path, monkeypatch):
    monkeypatch.setitem(stubs.FLAGS, "skypilot", ["--accelerator=h100:8"])
    found = task("--slices=2")
    assert (found["num_nodes"], found["resources"]["accelerators"]) == (2, "H100:8")
    variables = dict(SKYPILOT_NUM_NODES="2", SKYPILOT_NODE_RANK="1")
    _, cluster = ran(found, tmp_path, **variables, SKYPILOT_NODE_IPS="10.0.0.1\n10.0.0.2")
    assert cluster == dict(
        JAX_COORDINATOR_ADDRESS="10.0.0.1:8476", JAX_NUM_PROCESSES="2", JAX_PROCESS_ID="1"
    )


@pytest.mark.parametrize(
    "codes, starts, end",
    [("42 143 134 0", 4, 0), ("42 2 0", 2, 2), ("1 0", 1, 1), ("42 134 137 42 0", 4, 42)],
)
def test_a_machine_begins_anew_after_42_and_signals_as_often_as_was_asked(
    codes, starts, end, tmp_path
):
    """SkyPilot itself does not: it begins anew after 137 of machines that it ended, without end."""
    found = task("--max_restarts=3")
    assert "job_recovery" not in found["resources"]
    tools = stubs.Tools(tmp_path / ".venv" / "bin")
    tools.write("sleep", "#!/bin/bash\n")
    tools.write(
        "python",
        "#!/bin/bash\necho >> starts\nread code codes < codes; echo $codes > codes\nexit $code\n",
    )
    (tmp_path / "codes").write_text(codes + "\n")
    done = subprocess.run(["bash", "-c", found["run"]], cwd=tmp_path, env=tools.environment)
    assert done.returncode == end and len((tmp_path / "starts").read_text()) == starts
