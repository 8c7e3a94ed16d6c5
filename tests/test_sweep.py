"""Sweeps: listed and checked as a whole before the first run, and gone on with after any end."""

import shlex
import shutil
import signal
import subprocess
import sys
import time

import pytest

from itit_jax import config as settings
from itit_jax import main, sweep
from tests import runs

CONFIG = "configs/classifier_tiny.py"


@pytest.fixture
def listed(tmp_path):
    """file(text of the list) -> path of a sweep."""

    def file(text):
        path = tmp_path / "sweep.py"
        path.write_text(f"def get_sweep():\n    return {text}\n")
        return path

    return file


def words(printed):
    """{name: words of the command} of a dry run."""
    lines = printed.splitlines()
    return {lines[at][2:]: shlex.split(lines[at + 1]) for at in range(0, len(lines), 2)}


def test_a_dry_run_lists_names_workdirs_and_settings_and_makes_nothing(listed, tmp_path, capsys):
    path = listed('[{"train.steps": n, "seed": n} for n in (90, 91)] + [{"name": "plain"}]')
    flags = [f"--config={CONFIG}", f"--workdir={tmp_path / 'runs'}", "--config.seed=7",
             "--gin.model.width=32", "--change", f"--sweep={path}", "--dry_run"]  # fmt: skip
    assert main.main(flags) == 0
    found = words(capsys.readouterr().out)
    same = ["python", "-m", "itit_jax.main", f"--config={CONFIG}"]
    folder = f"--workdir={tmp_path / 'runs'}"
    assert found == {
        "steps=90-seed=90": [
            *same, f"{folder}/steps=90-seed=90", "--gin.model.width=32",
            "--config.train.steps=90", "--config.seed=90", "--change",
        ],
        "steps=91-seed=91": [
            *same, f"{folder}/steps=91-seed=91", "--gin.model.width=32",
            "--config.train.steps=91", "--config.seed=91", "--change",
        ],
        "plain": [
            *same, f"{folder}/plain", "--gin.model.width=32", "--config.seed=7", "--change",
        ],
    }  # fmt: skip
    assert not (tmp_path / "runs").exists()


def test_what_is_listed_means_the_settings_that_were_written(listed, tmp_path, capsys):
    row = {
        "evaluate.splits": ("test", "validation"), "evaluate.captions": True,
        "optimizer.learning_rate": 3e-05, "model.channels": [8, 16], "data.path": "it's $5",
    }  # fmt: skip
    path = listed([row | {"name": "odd"}])
    flags = [f"--config={CONFIG}", f"--workdir={tmp_path}", f"--sweep={path}", "--dry_run"]
    assert main.main(flags) == 0
    command = shlex.split(capsys.readouterr().out, comments=True)
    config = main.read_config(main.read(command[3:]))
    flat = settings.flat(config)
    assert {key: flat[key] for key in row} == row | {"model.channels": (8, 16)}


def test_without_a_sweep_a_dry_run_prints_the_command(capsys, tmp_path):
    flags = [f"--config={CONFIG}", f"--workdir={tmp_path / 'a b'}", "--config.seed=3"]
    assert main.main([*flags, "--dry_run"]) == 0
    assert shlex.split(capsys.readouterr().out) == ["python", "-m", "itit_jax.main", *flags]
    assert main.main([*flags, "--dry_run", "--config.sed=3"]) == 2


@pytest.mark.parametrize(
    "text, sentence",
    [
        ('[{"seed": 1}, {"train.stepz": 3}]', "run 1 (stepz=3): --config.train.stepz=3: there is no"
         " key train.stepz; did you mean train.steps?"),
        ('[{"seed": "x"}]', "seed must be a whole number"),
        ('[{"train.steps": 9}]', "warm up for fewer steps"),
        ('[{"seed": 1}, {"seed": 1}]', 'called seed=1, as one before; give it another "name"'),
        ('[{"name": "../x"}]', "called '../x'; give it a"),
        ('[{"name": 3}]', "called 3; give it a"),
        ('[{"data.path": "x" * 120}]', "up to 100"),
        ("[]", "lists no runs"),
        ('{"seed": 1}', "has no get_sweep() for a list of {key: value}"),
        ('["seed=1"]', "'seed=1' is no {key: value}"),
        ("1 / 0", "line 2: ZeroDivisionError"),
    ],
)  # fmt: skip
def test_a_wrong_list_is_one_sentence_before_anything_starts(
    text, sentence, listed, tmp_path, capsys
):
    flags = [f"--config={CONFIG}", f"--workdir={tmp_path / 'runs'}", f"--sweep={listed(text)}"]
    assert main.main(flags) == 2
    printed = capsys.readouterr()
    assert sentence in printed.err and printed.err.count("\n") == 1 and not printed.out
    assert not (tmp_path / "runs").exists()


def test_a_missing_file_and_a_mode_without_runs_are_told(tmp_path, capsys):
    flags = [f"--config={CONFIG}", f"--workdir={tmp_path}"]
    assert main.main([*flags, "--sweep=configs/sweeps/ablatoin.py"]) == 2
    assert "did you mean configs/sweeps/ablation.py?" in capsys.readouterr().err
    assert main.main([*flags, "--sweep=x", "--mode=encode"]) == 2
    assert "--sweep trains or scores" in capsys.readouterr().err


def members(*names):
    return [sweep.Member(name, f"/nowhere/{name}", (), None) for name in names]


def programs(codes):
    """command(member) of one that ends with the code of its name."""
    return lambda member: ["python", "-c", f"import sys; sys.exit({codes[member.name]})"]


def test_runs_go_on_after_one_that_failed_and_end_where_one_is_stopped(monkeypatch, capfd):
    monkeypatch.setattr(sweep.Member, "is_done", lambda member: member.name == "done")
    codes = {"a": 0, "b": 2, "c": 1, "d": 0}
    assert sweep.run(members("done", *codes), programs(codes)) == 2
    printed = capfd.readouterr().out
    assert "run 1 of 5, done: is done" in printed and printed.count("the others go on") == 2
    assert sweep.run(members("a", "b", "c"), programs({"a": 0, "b": 42, "c": 7})) == 42
    assert "run 3 of 3" not in capfd.readouterr().out


def test_a_sweep_that_is_told_to_stop_tells_its_run(tmp_path):
    ready = tmp_path / "ready"
    child = (
        "import pathlib, signal, sys, time; signal.signal(15, lambda *_: sys.exit(42)); "
        f"pathlib.Path({str(ready)!r}).touch(); time.sleep(600)"
    )
    code = (
        "import sys; from itit_jax import sweep\n"
        f"sys.exit(sweep._to_its_end([sys.executable, '-c', {child!r}]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=runs.ROOT)
    while process.poll() is None and not ready.exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=100) == 42


@pytest.mark.long
def test_a_finished_run_is_skipped_and_the_others_are_trained(
    classifier, easy, listed, tmp_path, capsys
):
    path = listed('[{"name": "a"}, {"name": "b", "train.steps": 2}]')
    shutil.copytree(classifier, tmp_path / "runs" / "a")
    flags = [*runs.CLASSIFIER, f"--workdir={tmp_path / 'runs'}", f"--config.data.path={easy}",
             "--config.train.steps=4", f"--sweep={path}"]  # fmt: skip
    out = runs.run(*flags)
    assert "run 1 of 2, a: is done" in out and "run 2 of 2, b: python -m itit_jax.main" in out
    assert main.main([*flags, "--dry_run"]) == 0
    assert list(words(capsys.readouterr().out)) == ["a (is done)", "b (is done)"]
    assert runs.run(*flags).count("is done") == 2
    (tmp_path / "runs" / "b" / "eval.json").unlink()  # as if killed before its last scores
    assert main.main([*flags, "--dry_run"]) == 0
    assert list(words(capsys.readouterr().out)) == ["a (is done)", "b"]
