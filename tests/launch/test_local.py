"""Processes on this machine: their cluster, and after which exit codes all begin anew.

Real runs of them: tests/test_meshes.py.
"""

import pathlib
import signal
import subprocess
import sys
import time

import pytest

from launch import local

ROOT = pathlib.Path(__file__).parent.parent.parent
# Appends its variables to a file, and does what the line of its life and number in `plan` says.
PROGRAM = """
import os, pathlib, signal, sys, time
me, place = os.environ["JAX_PROCESS_ID"], pathlib.Path({place!r})
life = len((place / me).read_text().splitlines()) if (place / me).exists() else 0
with open(place / me, "a") as file:
    file.write(" ".join(os.environ.get(name, "") for name in {names!r}) + "\\n")
what = {plan!r}[life][int(me)]
if what == "wait":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(42))
    (place / (me + ".waits")).touch()
    time.sleep(600)
if what == "hang":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (place / (me + ".waits")).touch()
    time.sleep(600)
if what < 0:
    os.kill(os.getpid(), -what)
sys.exit(what)
"""
NAMES = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID", "JAX_PLATFORMS")
LAUNCH = """
import sys
from launch import local
sys.exit(local.run([sys.executable, "-c", {program!r}], processes={count}, **{more!r}))
"""


def launched(place, *plan, **more):
    """A launcher of as many processes as a life of the plan has."""
    program = PROGRAM.format(place=str(place), plan=plan, names=NAMES)
    code = LAUNCH.format(program=program, count=len(plan[0]), more=more)
    words = [sys.executable, "-c", code]
    return subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def lives(place, number):
    return (place / str(number)).read_text().splitlines()


@pytest.mark.parametrize(
    "plan, code, begun",
    [
        ([(0, 0)], 0, 1),
        ([(42, 42), (0, 0)], 0, 2),
        ([(0, -signal.SIGKILL), (134, 42), (0, 0)], 0, 3),
        ([(2, 2)], 2, 1),
        ([(2, 134)], 2, 1),  # the other only lost this one
        ([(1, 134)], 1, 1),
        ([(42, 42), (2, 42)], 2, 2),
        ([(42, 42)] * 3, 42, 3),
    ],
)
def test_all_begin_anew_after_42_and_signals_and_not_after_what_is_to_be_mended(
    plan, code, begun, tmp_path
):
    process = launched(tmp_path, *plan, max_restarts=2)
    _, error = process.communicate(timeout=100)
    assert process.returncode == code, error
    assert len(lives(tmp_path, 0)) == len(lives(tmp_path, 1)) == begun
    assert error.count("started again") == begun - 1


def test_processes_know_each_other_and_every_life_has_a_port_of_its_own(tmp_path):
    launched(tmp_path, (42, 42), (0, 0), devices=3).communicate(timeout=100)
    for first, second in zip(lives(tmp_path, 0), lives(tmp_path, 1), strict=True):
        address, count, number, platforms = first.split()
        assert (count, number, platforms) == ("2", "0", "cpu")
        assert second.split() == [address, "2", "1", "cpu"]
        assert address.startswith("127.0.0.1:")


def until(condition):
    """Waits for it."""
    end = time.monotonic() + 100
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_asks_the_launcher_to_stop_asks_all(number, tmp_path):
    process = launched(tmp_path, ("wait", "wait"))
    until(lambda: len(list(tmp_path.glob("*.waits"))) == 2)
    process.send_signal(number)
    process.communicate(timeout=100)
    assert process.returncode == 42 and len(lives(tmp_path, 0)) == 1


def test_who_does_not_end_in_time_is_killed(tmp_path):
    process = launched(tmp_path, ("hang", "wait"), grace=1)
    until(lambda: len(list(tmp_path.glob("*.waits"))) == 2)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=100)
    assert process.returncode == 42


def test_who_hangs_after_another_is_lost_is_killed_and_all_begin_anew(tmp_path, monkeypatch):
    program = PROGRAM.format(place=str(tmp_path), plan=[("hang", 134), (0, 0)], names=NAMES)
    monkeypatch.setattr(local, "LOST", 1)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    assert local.run([sys.executable, "-c", program], processes=2) == 0
    assert len(lives(tmp_path, 1)) == 2
    assert before == {number: signal.getsignal(number) for number in before}


def test_devices_replace_those_that_were_asked_for_before(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=8 --xla_x=1")
    found = local.environment(0, 1, 0, devices=2)
    assert found["XLA_FLAGS"] == "--xla_x=1 --xla_force_host_platform_device_count=2"
    assert local.environment(0, 1, 0) == {}
