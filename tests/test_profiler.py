"""A trace of the steps that were asked for, and of no others."""

import gzip
import json

import jax
import jax.numpy as jnp
import pytest

from itit_jax.profiler import Profile
from itit_jax.workdir import Workdir

STEP = jax.jit(lambda x: x @ x)


def loop(profile, steps, begin=0):
    """What the trainer does around its step; the lines that were said."""
    x, said = jnp.eye(4), []
    for number in range(begin, steps):
        with profile.step(number):
            x = STEP(x)
        profile.end(number, x, said.append)
    profile.close()
    return said


def traced_steps(folder):
    """Numbers of the steps in the one trace of a folder, as Perfetto is shown them."""
    (file,) = folder.rglob("*.trace.json.gz")
    events = json.loads(gzip.decompress(file.read_bytes()))["traceEvents"]
    numbers = [e["args"]["step_num"] for e in events if "step_num" in e.get("args", {})]
    return sorted({int(number) for number in numbers})


@pytest.mark.parametrize("last, expected", [(4, [2, 3]), (9, [2, 3, 4])])
def test_the_steps_that_were_asked_for_are_in_the_trace(last, expected, tmp_path):
    run = Workdir(tmp_path)
    said = loop(Profile(run, (2, last)), steps=5)
    folder = tmp_path / "profile"
    assert str(folder) == str(run.profile) and traced_steps(folder) == expected
    assert said == ([f"profile of steps 2 to 3: {folder}"] if last == 4 else [])


def test_a_run_that_goes_on_within_the_steps_is_traced_from_there(tmp_path):
    (said,) = loop(Profile(Workdir(tmp_path), (1, 5)), steps=6, begin=3)
    assert traced_steps(tmp_path / "profile") == [3, 4]
    assert said.startswith("profile of steps 3 to 4:")


@pytest.mark.parametrize("steps", [None, (5, 7)])
def test_steps_that_never_come_leave_no_trace(steps, tmp_path):
    assert loop(Profile(Workdir(tmp_path), steps), steps=5) == []
    assert not any(tmp_path.iterdir())
