"""One hostile or damaged file of every kind does nothing to the process that reads it."""

import json
import subprocess
import sys

from benchmarks.hostile import __main__ as hostile
from benchmarks.hostile import child


def test_a_file_of_every_kind_ends_in_a_sentence_or_the_right_numbers(tmp_path):
    # In a process of its own: whoever has used JAX or tensorstore cannot be forked.
    count = f"--count={len(hostile.KINDS)}"
    command = [sys.executable, "-m", "benchmarks.hostile", "--seed=7", count]
    ended = subprocess.run(
        [*command, f"--out={tmp_path / 'x.json'}"], capture_output=True, text=True
    )
    found = json.loads((tmp_path / "x.json").read_text())
    assert ended.returncode == 0, (ended.stdout, ended.stderr)
    assert set(found["total"]) == {*child.GOOD, *child.BAD} and len(found["kinds"]) >= 30
    assert sum(found["total"][name] for name in child.GOOD) == len(hostile.KINDS)


def test_what_changes_in_a_process_is_seen(monkeypatch):
    before = child.process()
    assert child.process() == before
    monkeypatch.setenv("SPOILED", "1")
    monkeypatch.setattr("json.loads", None)
    after = child.process()
    assert {name for name in after if after[name] != before[name]} == {"environment", "names"}
