"""Sides are asked in turn, and their ratio is that of the medians."""

import sys

import pytest

from benchmarks.versus import turns
from data_pipelines.errors import UserError

# Answers with its seconds one after the other, and writes down that it was asked.
TOY = """
import sys
name, log, *seconds = sys.argv[1:]
print('{"parameters": 7}', flush=True)
for wanted, _ in zip(seconds, sys.stdin):
    with open(log, "a") as file:
        file.write(name)
    print(f"[{wanted}, 2.0]", flush=True)
"""


def toy(name, log, *seconds):
    return turns.Side(name, [sys.executable, "-c", TOY, name, str(log), *map(str, seconds)])


def test_sides_are_asked_in_turn_and_one_that_ends_is_named(tmp_path):
    sides = [toy("a", tmp_path / "log", 1, 2, 6), toy("b", tmp_path / "log", 4, 3, 9)]
    answers = turns.in_turn(sides, 3)
    assert (tmp_path / "log").read_text() == "ababab"
    assert answers == {"a": [[1, 2], [2, 2], [6, 2]], "b": [[4, 2], [3, 2], [9, 2]]}
    assert sides[0].about == {"parameters": 7}
    with pytest.raises(UserError, match="^a ended with code 0"):
        sides[0].ask()
    for side in sides:
        side.close()


def test_ratio_is_that_of_the_medians_and_its_range_that_of_the_turns():
    ours, peer = [[1, 1], [2, 1], [6, 1]], [[4, 3], [3, 3], [9, 3]]
    found = turns.against(ours, peer)
    assert found == {"ratio": 2.0, "lowest": 1.5, "highest": 4.0, "ratio_by_the_clock": 3.0}
    assert turns.told(ours, items=2) == {
        "core_seconds": 1.0, "seconds": 0.5, "all_core_seconds": [0.5, 1.0, 3.0]
    }  # fmt: skip
