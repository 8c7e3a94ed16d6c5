"""The command line up to the point where a mode takes over."""

import os
import pathlib
import subprocess
import sys
import time
import types

import pytest

from data_pipelines.errors import UserError
from itit_jax import config as settings
from itit_jax import main
from itit_jax.workdir import Workdir
from tests.test_data_checks import data_set

ROOT = pathlib.Path(__file__).parent.parent
CONFIG = "--config=configs/itit_tiny.py"


def fails(capsys, *arguments):
    """The sentence on stderr of a command that exits with 2."""
    assert main.main(list(arguments)) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("itit_jax: ")
    assert printed.err.count("\n") == 1
    return printed.err


@pytest.fixture
def ready(tmp_path):
    """Flags of a run whose data and tokenizer are in place."""
    data, tokenizer = tmp_path / "data", tmp_path / "vq"
    data_set(data, name="scenes")
    Workdir(tokenizer).keep_config(settings.load("configs/vq_tiny.py"))
    return [f"--config.data.path={data}", f"--config.tokenizer.workdir={tokenizer}"]


@pytest.fixture
def started(monkeypatch):
    """Calls that reach a mode, as (mode, config, workdir, ...); the modes do not run."""
    calls = []

    for mode, (module, _) in main.MODES.items():
        run = lambda c, w, *out, mode=mode: calls.append((mode, c, w, *out)) or 42
        monkeypatch.setitem(sys.modules, module, types.SimpleNamespace(run=run))
    return calls


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--workdr=x"], "--workdr=x is no flag; did you mean --workdir=x?"),
        (["--gin_fil=x"], "did you mean --gin_file=x?"),
        (["--qqqqqq"], "--help lists the flags."),
        (["config.train.steps=3"], "did you mean --config.train.steps=3?"),
        (["--cycle.mod=half"], "did you mean --config.cycle.mode=half?"),
        (["--mode=evl"], "not 'evl' (did you mean eval?)"),
        (["--workdir"], "--workdir has no value"),
        (["--workdir="], "--workdir is empty"),
        (["--workdir=a", "--workdir=b"], "--workdir is given twice"),
        ([CONFIG, "--workdir=a", *2 * ["--config.seed=1"]], "--config.seed is given twice"),
        (["--config.train.stepz=1", "--workdir=a", CONFIG], "did you mean train.steps?"),
        (["--config=configs/itit_tny.py", "--workdir=a"], "did you mean configs/itit_tiny.py?"),
        ([CONFIG], "No workdir is given"),
        ([CONFIG, "--workdir=a", "--gin_file=none.gin"], "none.gin does not exist"),
        ([CONFIG, "--workdir=a", "--traceback=3"], "--traceback must be true or false"),
        ([CONFIG, "--workdir=a", "--out=b"], "--mode=export writes to a folder --out=DIR"),
        ([CONFIG, "--workdir=a", "--profile=9:3"], "write --profile=100:105"),
        ([CONFIG, "--workdir=a", "--profile=2400:2405"], "behind the 2400 steps of the run"),
        (["--workdir=a", "--mode=eval", "--profile=3:9"], "--profile traces training"),
        (["--workdir=a", "--verbosity=inf"], "not 'inf' (did you mean info?)"),
        (["--workdir=a", "--mode=export"], "--mode=export writes to a folder --out=DIR"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(capsys, arguments, words):
    assert words in fails(capsys, *arguments)


def test_a_workdir_without_a_run_needs_a_config(capsys, tmp_path):
    assert "holds no run to go on with; add --config" in fails(capsys, f"--workdir={tmp_path}")


def test_a_run_is_no_neighbour_of_somebody_s_data(started, ready, tmp_path, capsys):
    (tmp_path / "slurm.out").write_text("a log may be there")
    assert main.main([CONFIG, f"--workdir={tmp_path}", *ready]) == 42
    pictures = [f"{i}.JPG" for i in range(4)]
    for names in (["dataset.json"], ["a.tar"], pictures):
        for name in names:
            (tmp_path / name).touch()
        told = fails(capsys, CONFIG, f"--workdir={tmp_path}", *ready)
        assert f"is a folder of data, it holds {names[0]}; give another place" in told
        for name in names:
            (tmp_path / name).unlink()
    (tmp_path / "plan.png").touch()
    assert main.main([CONFIG, f"--workdir={tmp_path}", *ready]) == 42
    Workdir(tmp_path).keep_config(settings.load("configs/itit_tiny.py"))
    for name in pictures:  # of whoever looks at a run
        (tmp_path / name).touch()
    assert main.main([CONFIG, f"--workdir={tmp_path}", *ready]) == 42


def test_a_value_may_follow_its_flag():
    options = main.read(["--workdir", "w", "--config.mesh.data", "-1", "--gin.seed=2", "--help"])
    assert (options.workdir, options.config_keys) == ("w", ("mesh.data=-1",))
    assert options.gin_keys == ("seed=2",) and options.help and not options.traceback


@pytest.mark.parametrize("mode", ["train", "encode"])
def test_a_good_command_reaches_its_mode(started, ready, mode):
    flags = [CONFIG, "--workdir=w", f"--mode={mode}", "--config.seed=5", *ready]
    assert main.main(flags) == 42  # what the mode returns is the exit code
    assert len(started) == 1
    reached, config, workdir = started[0]
    assert (reached, workdir, config.seed) == (mode, "w", 5)


def test_eval_reads_the_config_of_the_workdir(started, ready, tmp_path, capsys):
    workdir = tmp_path / "run"
    flags = [f"--workdir={workdir}", "--mode=eval"]
    assert "run does not exist; check the path." in fails(capsys, CONFIG, *flags, *ready)
    command = main.read([CONFIG, *ready])
    Workdir(workdir).keep_config(main.read_config(command))
    assert main.main([*flags, "--config.evaluate.examples=7"]) == 42
    assert started[0][0] == "eval"
    assert started[0][1].evaluate.examples == 7


def test_export_needs_a_run_and_no_data(started, tmp_path, capsys):
    flags = [f"--workdir={tmp_path}", "--mode=export", "--out=x", "--config.decode.rounds=9"]
    assert "holds no config.json" in fails(capsys, CONFIG, *flags)
    Workdir(tmp_path).keep_config(settings.load("configs/itit_tiny.py"))
    assert main.main(flags) == 42
    mode, config, workdir, out = started[0]
    assert (mode, workdir, out, config.decode.rounds) == ("export", str(tmp_path), "x", 9)


def test_another_model_in_the_same_workdir_is_refused(started, ready, tmp_path, capsys):
    workdir = tmp_path / "run"
    Workdir(workdir).keep_config(main.read_config(main.read([CONFIG, *ready])))
    sentence = fails(capsys, f"--workdir={workdir}", "--config.model.depth=4")
    assert "model.depth=3" in sentence and not started
    assert main.main([f"--workdir={workdir}", "--config.train.steps=4000"]) == 42


def test_a_user_error_of_a_mode_is_one_sentence_unless_asked_for_more(monkeypatch, ready, capsys):
    def fail(config, workdir):
        raise UserError("The disk is full; make room.")

    module = types.SimpleNamespace(run=fail)
    monkeypatch.setitem(sys.modules, "itit_jax.train", module)
    flags = [CONFIG, "--workdir=w", *ready]
    assert fails(capsys, *flags) == "itit_jax: The disk is full; make room.\n"
    assert main.main([*flags, "--traceback"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_help_names_flags_modes_and_keys(capsys):
    assert main.main(["--help", CONFIG]) == 0
    printed = capsys.readouterr().out
    for word in (*main.ARGUMENTS, *main.MODES, "--config.cycle.mode=full", "--config.seed=0"):
        assert word in printed


def test_the_command_starts_as_a_file_too():
    """Then its folder comes first in sys.path: no name in it may hide one of Python's."""
    done = subprocess.run(
        [sys.executable, "itit_jax/main.py", "--help"],
        cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0 and "--mode=MODE" in done.stdout, done.stderr


# A command that people know by this name; `python -m` never looks in its folder first.
COMMANDS = ("inspect",)


def test_no_file_hides_one_of_pythons_own():
    for package in ("benchmarks", "configs", "data_pipelines", "itit_jax", "launch"):
        for file in (ROOT / package).rglob("*.py"):
            assert file.stem not in sys.stdlib_module_names or file.stem in COMMANDS, file


def test_a_mistake_costs_less_than_two_seconds_and_no_jax():
    command = [sys.executable, "-X", "importtime", "-m", "itit_jax.main", CONFIG]
    begin = time.monotonic()
    done = subprocess.run(
        [*command, "--workdir=w", "--config.train.stepz=3"],
        cwd=ROOT, capture_output=True, text=True,
    )
    assert time.monotonic() - begin < 2
    imports, sentence = done.stderr.rsplit("\n", 2)[0], done.stderr.strip().splitlines()[-1]
    assert done.returncode == 2 and sentence.endswith("did you mean train.steps?")
    imported = {line.rsplit("|", 1)[-1].strip() for line in imports.splitlines()}
    assert "itit_jax.config" in imported
    assert not imported & {"jax", "jaxlib", "flax", "numpy", "tensorflow"}
