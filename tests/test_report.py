"""What a run tells, and what it forgets when it resumes."""

import json
import re

import jax.numpy as jnp
import numpy as np
import pytest

from itit_jax.report import Report
from itit_jax.sheets import draw_sheet
from itit_jax.workdir import Workdir


def test_every_step_gets_one_line_and_the_last_is_shown(tmp_path, capsys):
    report = Report(Workdir(tmp_path), 3, every_seconds=1000, rows=10**9)
    report.begin(0)
    for step in (1, 2, 3):
        report.tick(step, {"loss": jnp.float32(step)})
    report.close()
    lines = [json.loads(x) for x in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines == [{"step": s, "loss": float(s)} for s in (1, 2, 3)]
    shown = capsys.readouterr().out
    assert "step 3/3  100 %" in shown and "loss 2.5" in shown, "mean of steps 2 and 3"
    assert re.search(r"[1-9][\d,]*,\d\d\d rows/s", shown), "of so many rows a step"
    assert (tmp_path / "log.txt").read_text() == shown
    assert list(tmp_path.glob("events.*"))


def test_what_is_not_finite_is_left_out_of_every_line_and_of_the_means(tmp_path, capsys):
    report = Report(Workdir(tmp_path), 9, every_seconds=1000)
    report.begin(0)
    for step, loss in enumerate((1.0, np.nan, 3.0, np.inf, np.nan), 1):
        skipped = jnp.float32(not np.isfinite(loss))
        report.tick(step, {"loss": jnp.float32(loss), "skipped": skipped})
    report.close()
    no_constant = lambda name: pytest.fail(f"{name} is no JSON")
    lines = [json.loads(line, parse_constant=no_constant)
             for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]  # fmt: skip
    assert lines[:2] == [{"step": 1, "loss": 1.0, "skipped": 0.0}, {"step": 2, "skipped": 1.0}]
    assert "loss 3  skipped 3" in capsys.readouterr().out, "of steps 2 to 5 one has a loss"
    assert (report.skipped, report.sound) == (2, 3), "in a row at the end; the last sound loss"


def test_a_sheet_shows_every_picture_where_its_row_is():
    red = np.zeros((2, 4, 4, 3), np.uint8)
    red[1, ..., 0] = 255
    sheet = np.asarray(draw_sheet({"picture": red}, {"text": ["one", "two"]}))
    middle = sheet[22 + 48 :: 104][:2, 8 + 48]
    assert middle.tolist() == [[0, 0, 0], [255, 0, 0]]
