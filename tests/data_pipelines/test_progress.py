"""How far a work is: a line now and then with rate and time left; a bar on a terminal."""

import io
import sys

from data_pipelines import progress
from data_pipelines.progress import Bar


def told(monkeypatch, out, steps):
    """What is printed at (second, count, share)."""
    clock = iter([0, *(second for second, *_ in steps)])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(sys, "stdout", out)
    with Bar("read", "examples") as bar:
        for _, count, share in steps:
            bar.at(count, share)
    return out.getvalue()


def test_lines_tell_the_rate_and_what_is_left_without_what_was_there_before(monkeypatch):
    steps = [(0, 1000, 0.5), (1, 1001, 0.5), (20, 3000, 0.6), (21, 3100, 0.6), (100, 6000, 0.75)]
    assert told(monkeypatch, io.StringIO(), steps).splitlines() == [
        "read 3,000 examples, 100 a second, 80 s left",
        "read 6,000 examples, 50 a second, 2 min left",
    ]


def test_a_source_of_unknown_size_has_no_time_left(monkeypatch):
    lines = told(monkeypatch, io.StringIO(), [(0, 0, 0.0), (50, 10_000, 0.0)])
    assert lines == "read 10,000 examples, 200 a second\n"


def test_a_terminal_sees_a_bar(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "xterm-256color")
    shown = told(monkeypatch, Terminal(), [(0, 0, 0.0), (2, 10, 0.5)])
    assert "read 10 examples, 5 a second, 2 s left" in shown
