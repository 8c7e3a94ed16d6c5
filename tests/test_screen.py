"""What a person sees: lines in a file, a bar on a terminal, nothing of a silent process."""

import contextlib
import errno
import io
import re
import time

import pytest

from itit_jax import screen

LONG = "[b]saved[/b] " + "a/long/path/" * 20


class Terminal(io.StringIO):
    """A stdout that says that it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def colours(monkeypatch):
    """A terminal of 80 columns that knows how to move its cursor."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def use(found):
    """Two steps and a line between them."""
    found.at(1, 4, "step 1/4")
    found.say(LONG)
    found.at(3, 4, "step 3/4")
    found.close()


def test_elsewhere_than_on_a_terminal_there_are_plain_lines(capsys):
    use(screen.Screen())
    assert capsys.readouterr().out.splitlines() == ["step 1/4", LONG, "step 3/4"]


def test_a_terminal_shows_a_bar_that_moves_below_whole_lines(colours):
    with contextlib.redirect_stdout(Terminal()) as out:
        use(screen.Screen())
    shown = out.getvalue()
    assert LONG + "\n" in shown  # neither cut, wrapped nor taken for markup
    assert "step 3/4" in shown.rpartition("━")[2]
    # In whatever colours: rich keeps those that it gave a style first in this process.
    coloured = [len(part) for part in re.findall(r"\x1b\[[\d;]+m(━+)", shown)]
    assert coloured[-2:] == [15, 4]  # of 20 signs: what is done, a border, what is left


def test_the_bar_stays_as_it_was_left_and_lines_go_on(colours):
    with contextlib.redirect_stdout(Terminal()) as out:
        found = screen.Screen()
        found.at(2, 4, "step 2/4")
        found.close()
        before = out.getvalue()
        found.say("after it")
        found.close()
    assert "step 2/4" in before and out.getvalue() == before + "after it\n"


def test_a_second_task_of_another_length_has_a_bar_of_its_own_length(colours):
    with contextlib.redirect_stdout(Terminal()) as out:
        found = screen.Screen()
        found.at(2, 2, "first")
        found.at(5, 10, "second")
        found.close()
    coloured = re.findall(r"\x1b\[[\d;]+m(━+)", out.getvalue().rpartition("first")[2])
    assert len(coloured[-2]) == 10  # of 20 signs


def test_another_process_is_silent(colours):
    with contextlib.redirect_stdout(Terminal()) as out:
        use(screen.Screen(loud=False))
    assert out.getvalue() == ""


def test_a_slow_phase_reminds_while_it_lasts_and_says_how_long_it_took(capsys, monkeypatch):
    clock = iter([100.0, 130.0])
    monkeypatch.setattr(screen.time, "time", lambda: next(clock, 130.0))
    monkeypatch.setattr(screen, "REMIND", 0.01)
    with screen.Screen().phase("compiling"):
        time.sleep(0.1)
    lines = capsys.readouterr().out.splitlines()
    assert "compiling ... 30 s" in lines and lines[-1] == "compiling took 30 s"


def test_a_fast_phase_says_nothing(capsys):
    with screen.Screen().phase("compiling"):
        pass
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "seconds, words",
    [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min"), (5400, "1.5 h")],
)
def test_a_duration_has_the_unit_that_one_would_say(seconds, words):
    assert screen.duration(seconds) == words


def test_an_output_that_is_full_ends_no_work():
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(errno.ENOSPC, "No space left on device")

    with contextlib.redirect_stdout(Full()):
        use(screen.Screen())
