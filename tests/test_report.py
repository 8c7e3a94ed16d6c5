"""What a run tells, and what it forgets when it resumes."""

import contextlib
import json
import re

import google_crc32c
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from tensorboardX.proto.event_pb2 import Event, SessionLog

from data_pipelines.errors import UserError
from itit_jax.report import Report
from itit_jax.sheets import draw_sheet
from itit_jax.workdir import Workdir
from tests.test_checkpoints import most_bytes


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


def events(folder):
    """Of the one file in a folder, read as TFRecord's authors describe it."""
    (file,) = folder.glob("events.out.tfevents.*")
    data, found = file.read_bytes(), []
    while data:
        size = int.from_bytes(data[:8], "little")
        for part, told in ((data[:8], data[8:12]), (data[12 : 12 + size], data[12 + size :][:4])):
            crc = google_crc32c.value(part)
            masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32
            assert int.from_bytes(told, "little") == masked
        found.append(Event.FromString(data[12 : 12 + size]))
        data = data[16 + size :]
    return found


def test_tensorboard_reads_every_progress_line_and_forgets_what_is_done_anew(tmp_path):
    report = Report(Workdir(tmp_path), 9, every_seconds=0)
    report.begin(6)
    report.tick(7, {"loss": jnp.float32(2.5), "grad_norm": jnp.float32(np.nan)})
    first, start, line = events(tmp_path)  # while the run goes on
    report.close()
    assert first.file_version == "brain.Event:2"
    assert (start.session_log.status, start.step) == (SessionLog.START, 7)
    told = {value.tag: value.simple_value for value in line.summary.value}
    assert line.step == 7 and told.keys() == {"loss", "steps_per_second"} and told["loss"] == 2.5


def test_on_a_full_disk_training_goes_on_and_what_it_told_is_written_once_there_is_room(
    tmp_path, capsys
):
    report = Report(Workdir(tmp_path), 99, every_seconds=0)
    report.begin(0)
    with most_bytes(300):  # ends within a line
        for step in range(1, 50):
            report.tick(step, {"loss": jnp.float32(step)})
        noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
        report.sheet(49, Image.fromarray(noise))
        report.scores(49, {"test": {f"score_{number}": 0.5 for number in range(50)}})
    report.tick(50, {"loss": jnp.float32(50)})
    report.close()
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(1, 51))
    told = [event.step for event in events(tmp_path) if event.HasField("summary")]
    assert told == list(range(1, 51))
    shown = capsys.readouterr().out
    for name in ("metrics.jsonl", "log.txt", "events", "samples", "eval.json"):
        assert shown.count(f"{name} cannot be written (File too large); training goes on") == 1
    in_log = [line for line in shown.splitlines() if "cannot be written" not in line]
    assert (tmp_path / "log.txt").read_text().splitlines() == in_log


def test_lines_that_find_no_room_to_the_end_are_a_fault_unless_there_is_another(tmp_path):
    for fault, sentence in ((None, "last lines of events, log.txt, metrics.jsonl"), ("x", "^x$")):
        report = Report(Workdir(tmp_path / str(fault)), 9, every_seconds=0)
        with pytest.raises(UserError, match=sentence), most_bytes(9), contextlib.closing(report):
            report.begin(0)
            report.tick(1, {"loss": jnp.float32(1)})
            if fault:
                raise UserError(fault)
