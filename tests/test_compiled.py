"""Compiled programs are read again by the next process, and JAX's own setting is left alone."""

import os
import subprocess
import sys
import types

import pytest

from itit_jax import compiled
from tests import runs

PROGRAM = """
import sys
import jax
from itit_jax import compiled

compiled.LEAST = 0
compiled.keep(sys.argv[1])
hits = []
jax.monitoring.register_event_listener(
    lambda name, **_: hits.append(name) if name.endswith("compilation_cache/cache_hits") else None)
jax.jit(lambda x: x * 3 + 1)(jax.numpy.arange(7))
print(len(hits))
"""


def hits(folder):
    """Programs that a process of its own found in the folder."""
    variables = {k: v for k, v in runs.environment().items() if "CACHE" not in k}
    out = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)], env=variables, capture_output=True, text=True
    )
    assert out.returncode == 0, out.stderr
    return int(out.stdout)


def test_a_second_process_compiles_nothing_that_the_first_one_kept(tmp_path):
    assert hits(tmp_path) == 0
    programs = {f for f in tmp_path.rglob("*") if f.name.endswith("-cache")}
    assert programs and hits(tmp_path) == len(programs)
    assert {f for f in tmp_path.rglob("*") if f.name.endswith("-cache")} == programs


@pytest.fixture
def updates(monkeypatch):
    """What is told to JAX, whose own setting is empty unless a test sets it."""
    told = {}
    config = types.SimpleNamespace(jax_compilation_cache_dir=None, update=told.__setitem__)
    monkeypatch.setattr(compiled, "jax", types.SimpleNamespace(config=config))
    return config, told


def test_a_folder_is_taken_from_home_and_holds_one_of_each_kind_of_processor(updates, monkeypatch):
    monkeypatch.setenv("HOME", "/somewhere")
    compiled.keep("~/programs")
    folder = updates[1]["jax_compilation_cache_dir"]
    assert folder.startswith(f"/somewhere/programs/{os.uname().machine}-")
    monkeypatch.setattr(compiled, "_processor", lambda: "another")
    compiled.keep("~/programs")
    assert updates[1]["jax_compilation_cache_dir"] != folder
    compiled.keep("gs://bucket/programs")
    assert updates[1]["jax_compilation_cache_dir"].startswith("gs://bucket/programs/")


def test_without_a_folder_or_with_jax_s_own_nothing_is_changed(updates):
    compiled.keep("")
    updates[0].jax_compilation_cache_dir = "/mine"
    compiled.keep("/programs")
    assert updates[1] == {}
