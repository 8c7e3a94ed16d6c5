"""Config files and gin files: whatever is wrong in them is one sentence, and nothing is run."""

import pytest

from itit_jax import config as settings
from tests.test_config import TINY, refusal


def file_with(tmp_path, line):
    """A config file of one line."""
    path = tmp_path / "experiment.py"
    path.write_text(
        f"from configs import itit\n\n\ndef get_config():\n    c = itit.defaults()\n    {line}\n"
        "    c.data.rows.update(draw=1, caption=1, images=1, texts=1)\n    return c\n"
    )
    return str(path)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("c.train.stepz = 3", "line 6: there is no key train.stepz; did you mean train.steps?"),
        ("c.trian.steps = 3", "no key trian.steps; did you mean train.steps?"),
        ("c.train.learning_rate = 1.0", "did you mean optimizer.learning_rate?"),
        ("c.data.rows.update(captoin=2)", "did you mean data.rows.caption?"),
        ("c.update({'model': {'widht': 2}})", "did you mean model.width?"),
        ("c.model.qqqqqqq = 1", "there is no key model.qqqqqqq; see --help."),
        ("c.train.steps = 'x'", "line 6: train.steps must be a whole number."),
        ("c.train.steps = 1.5", "train.steps must be a whole number."),
        ("c.train.steps = None", "train.steps must be a whole number, not None."),
        ("c.train.steps = True", "train.steps must be a whole number, not True."),
        ("c.train = 3", "train must be left a section"),
        ("c.data = dict(rows=dict(drw=1))", "there is no key data.rows.drw; did you mean"),
        ("c.optimizer.learning_rate = float('nan')", "must be a finite number, not nan."),
        ("c.optimizer.name = 'adamv'", "not 'adamv' (did you mean adamw?)."),
        ("import nosuch", "line 6: ModuleNotFoundError: No module named 'nosuch'."),
        ("def", "line 6: SyntaxError"),
    ],
)
def test_a_fault_in_a_config_file_is_one_sentence(tmp_path, line, words):
    assert words in refusal(settings.load, file_with(tmp_path, line))


def test_a_replaced_section_that_loses_keys_is_refused(tmp_path):
    path = file_with(tmp_path, "c.cycle = dict(mode='half')")
    assert "replaces the section cycle and so loses cycle.generator" in refusal(
        settings.load, path
    )


def test_a_missing_file_names_the_nearest_one():
    assert "did you mean configs/itit_tiny.py?" in refusal(settings.load, "configs/itit_tny.py")


def test_a_file_of_keys_is_no_experiment():
    assert "configs/vq.py has no get_config()" in refusal(settings.load, "configs/vq.py")


def test_a_file_that_returns_nothing_is_refused(tmp_path):
    assert "has no get_config()" in refusal(
        settings.load, file_with(tmp_path, "return None")
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("train.stepz = 1", "line 1: there is no key train.stepz; did you mean train.steps?"),
        ("train.steps = 'x'", "train.steps must be a whole number, not 'x'."),
        ("train.steps = @f()", "train.steps must be a whole number, not @f()."),
        ("data.path = %FOLDER", "data.path must be text, not %FOLDER."),
        ("scope/train.steps = 1", "there is no key scope/train.steps; did you mean train.steps?"),
        ("seed = 1\nseed = 2", "line 2: seed is set twice"),
        ("train.steps = = 1", "line 1: cannot be read as KEY = VALUE"),
        ("train.steps = (", "cannot be read as KEY = VALUE"),
        ("include 'other.gin'", "only KEY = VALUE can be read"),
    ],
)
def test_a_fault_in_a_gin_file_is_one_sentence(tmp_path, line, words):
    file = tmp_path / "a.gin"
    file.write_text(line + "\n")
    assert words in refusal(settings.load, TINY, gin_files=[str(file)])


def test_an_import_in_a_gin_file_is_not_followed(tmp_path, monkeypatch):
    (tmp_path / "canary.py").write_text("raise SystemExit('it ran')\n")
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "a.gin"
    file.write_text("import canary\n")
    assert "take this line out" in refusal(settings.load, TINY, gin_files=[str(file)])
