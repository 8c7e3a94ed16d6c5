"""What xpk puts into its manifest is what was typed."""

import shlex

import yaml

from launch import xpk
from tests.launch import stubs
from tests.launch.test_gke import words_of

# How xpk 1.16 writes --command into a manifest.
FRAME = """\
command:
- bash
- -c
- |
  _sigterm() (kill -SIGTERM $! 2>/dev/null;);
  trap _sigterm SIGTERM;
  ({command}) & PID=$!;
  wait $PID;
  exit $?
"""


def test_the_program_is_told_what_was_typed(tmp_path):
    script = xpk.script(stubs.job("xpk", arguments=stubs.hostile_arguments()))
    words = shlex.split(script.partition("\n")[2])
    command = next(word for word in words if word.startswith("--command="))
    framed = yaml.safe_load(FRAME.format(command=command.removeprefix("--command=")))
    found = words_of(framed["command"], tmp_path)
    assert found == ("-u", "-m", "itit_jax.main", *stubs.hostile_arguments())


def test_it_begins_anew_after_42_and_has_time_to_save():
    words = shlex.split(xpk.script(stubs.job("xpk", "--spot", "--slices=2")), comments=True)
    assert {
        *("--restart-on-exit-codes=42", "--max-restarts=50", "--spot", "--num-slices=2"),
        *("--termination-grace-period-seconds=120", "--tpu-type=v5litepod-256"),
    } <= set(words)
