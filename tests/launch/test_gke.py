"""The manifest: what JobSet asks for, and what a machine is told."""

import re
import subprocess

import pytest
import yaml

from launch import gke, start, text
from launch.options import RESTARTED
from tests.launch import stubs


def manifest(*flags, **more):
    """What a reader of YAML sees of it."""
    return yaml.safe_load(text.yaml(gke.manifest(stubs.job("gke", *flags, **more))))


def expanded(word, variables):
    """A word of a command as Kubernetes hands it on: $(NAME) is a variable, $$ a dollar."""
    known = lambda match: "$" if match[0] == "$$" else variables.get(match[1], match[0])
    return re.sub(r"\$\$|\$\((\w+)\)", known, word)


def words_of(command, tmp_path):
    """What the program is called with when a machine runs the command."""
    tools = stubs.Tools(tmp_path / "bin")
    tools.add("python")
    ready = [expanded(word, {"HOME": "/stolen", "x": "y"}) for word in command]
    subprocess.run(ready, check=True, env=tools.environment, cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert not (tmp_path / "pwned").exists()
    (call,) = tools.calls()
    return tuple(call.words)


def test_it_has_what_jobset_and_gke_ask_for():
    """The fields of the manifest that xpk 1.16 writes for the same slices."""
    found = manifest("--slices=2")
    assert (found["apiVersion"], found["kind"]) == ("jobset.x-k8s.io/v1alpha2", "JobSet")
    assert found["metadata"]["annotations"] == {
        "alpha.jobset.sigs.k8s.io/exclusive-topology": "cloud.google.com/gke-nodepool"
    }
    spec = found["spec"]
    assert spec["failurePolicy"]["maxRestarts"] == 50
    (replicated,) = spec["replicatedJobs"]
    job = replicated["template"]["spec"]
    assert replicated["replicas"] == 2
    assert (job["parallelism"], job["completions"], job["backoffLimit"]) == (64, 64, 0)
    pod = job["template"]["spec"]
    assert pod["nodeSelector"] == {
        "cloud.google.com/gke-tpu-accelerator": "tpu-v5-lite-podslice",
        "cloud.google.com/gke-tpu-topology": "16x16",
    }
    assert (pod["restartPolicy"], pod["hostNetwork"]) == ("Never", True)
    assert pod["dnsPolicy"] == "ClusterFirstWithHostNet"
    assert pod["terminationGracePeriodSeconds"] == 120
    (container,) = pod["containers"]
    assert container["resources"] == {"limits": {"google.com/tpu": 4}}
    assert container["securityContext"] == {"privileged": True}
    assert pod["tolerations"] == [{"key": "google.com/tpu", "operator": "Exists"}]
    names = {volume["name"] for volume in pod["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == names


def test_it_begins_anew_after_42_and_signals_alone():
    job = manifest()["spec"]["replicatedJobs"][0]["template"]["spec"]
    (rule,) = job["podFailurePolicy"]["rules"]
    assert rule["action"] == "FailJob" and rule["onExitCodes"]["operator"] == "NotIn"
    assert rule["onExitCodes"]["values"] == list(RESTARTED) and len(RESTARTED) <= 255
    names = [each["name"] for each in job["template"]["spec"]["containers"]]
    assert rule["onExitCodes"]["containerName"] in names


def test_spot_machines_are_asked_for_and_tolerated():
    pod = manifest("--spot")["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    assert pod["nodeSelector"]["cloud.google.com/gke-spot"] == "true"
    assert {one["key"] for one in pod["tolerations"]} >= {"cloud.google.com/gke-spot"}


@pytest.mark.parametrize("data", [False, True])
def test_the_program_is_told_what_was_typed(data, tmp_path, monkeypatch):
    monkeypatch.setattr(start, "ON_HOST", str(tmp_path / "data"))
    (tmp_path / f"data-{start.mark('gs://bucket/d')}").mkdir()  # it is there already
    flags = ["--data=gs://bucket/d"] if data else []
    found = manifest(*flags, arguments=stubs.hostile_arguments())
    pod = found["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    words = words_of(pod["containers"][0]["command"], tmp_path)
    assert words == ("-u", "-m", "itit_jax.main", *stubs.hostile_arguments())


KUBECTL = """#!/bin/bash
echo "$*" >> {folder}/calls
case "$1" in
  get) cat {folder}/state; exit {code} ;;
  create) [ ! -e {folder}/jobset ] && cat > {folder}/jobset ;;
  delete) rm {folder}/jobset ;;
esac
"""


@pytest.mark.parametrize(
    "before, state, code, end, verbs",
    [
        (False, "", 0, 0, ["get", "create"]),
        (True, "Completed", 0, 0, ["get", "delete", "create"]),
        (True, "Failed", 0, 0, ["get", "delete", "create"]),
        (True, "", 0, 1, ["get", "create"]),
        (True, "", 3, 3, ["get"]),
    ],
    ids=["first", "completed", "failed", "alive", "no-answer"],
)
def test_what_has_ended_is_begun_and_what_is_alive_is_refused(
    before, state, code, end, verbs, tmp_path
):
    tools = stubs.Tools(tmp_path / "bin")
    tools.write("kubectl", KUBECTL.format(folder=tmp_path, code=code))
    (tmp_path / "state").write_text(state)
    if before:
        (tmp_path / "jobset").write_text("before")
    script = gke.script(stubs.job("gke"))
    done = subprocess.run(["bash", "-c", script], env=tools.environment, cwd=tmp_path)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert (done.returncode, [call.split()[0] for call in calls]) == (end, verbs)
    assert {call.split()[2] for call in calls} <= {"itit-large", "-"}
    assert end or "kind: JobSet" in (tmp_path / "jobset").read_text()
