"""What is printed is what runs, settings are checked before anything starts, names are names."""

import pathlib
import subprocess

import pytest

from launch import start
from launch.options import Fault
from tests.launch import stubs

GOLDEN = pathlib.Path(__file__).parent / "golden"
ROOT = pathlib.Path(__file__).parent.parent.parent
WHOLE = {
    "tpu": ["--spot", "--data=gs://bucket/data/tiny"],
    "tpu_queued": ["--queued", "--slices=2", "--name=two-slices"],
    "gke": ["--slices=2", "--spot", "--data=gs://bucket/data/tiny"],
    "xpk": ["--slices=2", "--zone=us-west4-a", "--project=p", "--spot"],
    "skypilot": ["--spot", "--zone=us-west4-a", "--data=gs://bucket/data/tiny"],
    "skypilot_gpu": ["--slices=2"],
    "slurm": ["--slices=2", "--zone=gpu", "--project=lab", "--hours=12"],
    "local": [],
}
MORE = ["--config.train.steps=9", "--config.evaluate.splits=test,validation"]


@pytest.fixture
def unchecked(monkeypatch):
    """No second process that checks the settings."""
    monkeypatch.setattr(start, "runs", lambda options, given: [tuple(given)])
    monkeypatch.setattr(start, "plan", lambda target, job: "")


def typed(case):
    """(module, flags) of a case."""
    name, _, gpu = case.partition("_")
    flags = [*stubs.BASE, *stubs.FLAGS[name], *WHOLE[case], *MORE]
    if gpu == "gpu":
        flags = [f for f in flags if "--accelerator" not in f] + ["--accelerator=h100:8"]
    return stubs.TARGETS[name], flags


@pytest.mark.parametrize("case", WHOLE)
def test_what_is_printed_is_what_was_agreed(case, unchecked, monkeypatch, capsys):
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    module, flags = typed(case)
    assert module.main([*flags, "--dry_run"]) == 0
    printed = capsys.readouterr().out.replace(str(ROOT), "ROOT")
    assert printed == (GOLDEN / f"{case}.txt").read_text()
    subprocess.run(["bash", "-n"], input=printed, text=True, check=True)


@pytest.mark.parametrize("name", ["gke", "xpk", "skypilot", "slurm"])
def test_what_is_printed_is_what_runs(name, unchecked, tmp_path, monkeypatch, capsys):
    ran, printed = stubs.Tools(tmp_path / "ran"), stubs.Tools(tmp_path / "printed")
    for tools in (ran, printed):
        tools.add("kubectl", "xpk", "sbatch", "sky")
    flags = [*stubs.BASE, *stubs.FLAGS[name], *stubs.hostile_arguments()]
    assert stubs.TARGETS[name].main([*flags, "--dry_run"]) == 0
    script = capsys.readouterr().out
    subprocess.run(["bash", "-c", script], check=True, env=printed.environment)
    monkeypatch.setenv("PATH", ran.environment["PATH"])
    assert stubs.TARGETS[name].main(flags) == 0
    assert "to stop it and give everything back: " in capsys.readouterr().out
    assert ran.calls() == printed.calls()
    assert len(ran.calls()) == (2 if name == "gke" else 1)


def test_a_wrong_setting_is_told_here_and_nothing_starts(tmp_path, monkeypatch, capsys):
    tools = stubs.Tools(tmp_path / "bin")
    tools.add("kubectl")
    monkeypatch.setenv("PATH", tools.environment["PATH"])
    flags = [*stubs.BASE, *stubs.FLAGS["gke"]]
    assert stubs.TARGETS["gke"].main([*flags, "--config.train.stepz=3"]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    assert "did you mean train.steps?" in printed.err and not tools.calls()


def test_the_plan_is_told_first_and_what_does_not_fit_is_not_started(tmp_path, monkeypatch, capsys):
    tools = stubs.Tools(tmp_path / "bin")
    tools.add("kubectl")
    monkeypatch.setenv("PATH", tools.environment["PATH"])
    flags = [
        *("--config=configs/classifier_tiny.py", "--workdir=gs://bucket/x", "--image=i"),
        *("--accelerator=v5e-4", "--config.train.steps=1000"),
    ]
    assert stubs.TARGETS["gke"].main([*flags, "--config.mesh.fsdp=3"]) == 2
    assert "does not fit the 4 devices" in capsys.readouterr().err and not tools.calls()
    assert stubs.TARGETS["gke"].main([*flags, "--", "--profile=1:3"]) == 0
    printed = capsys.readouterr().out
    assert "classifier on 1 x v5e:2x2: 4 chips" in printed and "the run takes" in printed
    assert [call.words[0] for call in tools.calls()] == ["get", "create"]


def test_a_sweep_starts_one_run_each(tmp_path, monkeypatch, capsys):
    sweep = tmp_path / "s.py"
    sweep.write_text('def get_sweep():\n    return [{"seed": 1}, {"name": "b", "seed": 2}]\n')
    tools = stubs.Tools(tmp_path / "bin")
    tools.add("xpk")
    monkeypatch.setenv("PATH", tools.environment["PATH"])
    flags = [
        *stubs.BASE,
        *stubs.FLAGS["xpk"],
        f"--sweep={sweep}",
        "--config.train.steps=9000",
        "--no_plan",
    ]
    assert stubs.TARGETS["xpk"].main(flags) == 0
    printed = capsys.readouterr().out
    found = {call.words[2].removeprefix("--workload="): call.words[-1] for call in tools.calls()}
    assert list(found) == ["itit-large-seed-1", "itit-large-b"]
    for name, command in zip(found, found.values()):
        assert f"xpk workload delete --workload={name} --cluster=c" in printed
        assert "--config.train.steps=9000 --config.seed=" in command
    assert "--workdir=gs://bucket/itit_large/b " in found["itit-large-b"]
    assert "--config.compile_cache=gs://bucket/compiled" in found["itit-large-b"]


def test_a_launcher_needs_its_tool(unchecked, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/nowhere")
    for name, tool in dict(gke="kubectl", xpk="xpk", tpu="gcloud", slurm="sbatch").items():
        assert stubs.TARGETS[name].main([*stubs.BASE, *stubs.FLAGS[name]]) == 2
        assert f"{tool} is not on this machine" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name, flags, words",
    [
        ("gke", ["--workdir=runs/x"], "is lost with the machines; give gs://BUCKET/FOLDER"),
        ("gke", ["--accelerator=v5e-255"], "did you mean v5e-256?"),
        ("tpu", ["--slices=2"], "add --queued"),
        ("tpu", ["--data=gs://b/d", "--config.data.path=x"], "give one of them"),
        ("slurm", ["--workdir=runs/x"], "another folder on every machine"),
        ("slurm", ["--accelerator=h100"], "write h100:8"),
        ("skypilot", ["--slices=2"], "no slices that train together"),
        ("skypilot", ["--accelerator=a100"], "has no number"),
        ("local", ["--workdir="], "--workdir must be text"),
        ("local", ["--workdir=/"], "give --name=NAME"),
    ],
)
def test_what_cannot_be_is_one_sentence(name, flags, words, unchecked, capsys):
    replaced = {flag.partition("=")[0] for flag in flags}
    given = [f for f in (*stubs.BASE, *stubs.FLAGS[name]) if f.partition("=")[0] not in replaced]
    assert stubs.TARGETS[name].main([*given, *flags]) == 2
    printed = capsys.readouterr()
    assert words in printed.err and printed.err.count("\n") == 1 and not printed.out


def test_what_is_needed_is_asked_for(unchecked, capsys):
    for name, module in stubs.TARGETS.items():
        for needed in ("config", "workdir", *module.TARGET.needs):
            flags = (*stubs.BASE, *stubs.FLAGS[name])
            assert module.main([f for f in flags if not f.startswith(f"--{needed}=")]) == 2
            assert f"--{needed} is missing" in capsys.readouterr().err


def test_commands_are_found_in_what_the_program_prints():
    words = ["--config.a=x y", "--config.b='", "--config.c=python -m itit_jax.main", "# d", "a\nb"]
    line = start.join(["python", "-m", "itit_jax.main", *words[:4]])
    found = start.commands(f"# name\n{line}\n# other\npython -m itit_jax.main\n")
    assert found == [tuple(words[:4]), ()]


def test_runs_of_one_name_are_refused(monkeypatch):
    both = [("--workdir=gs://bucket/itit_large/a=1",), ("--workdir=gs://bucket/itit_large/a-1",)]
    monkeypatch.setattr(start, "runs", lambda options, given: both)
    flags = [*stubs.BASE, *stubs.FLAGS["gke"], "--sweep=s.py"]
    options = start.parse(flags, stubs.options_of("gke"))
    with pytest.raises(Fault, match="two runs would be called itit-large-a-1"):
        start.prepare(stubs.TARGETS["gke"].TARGET, options)
