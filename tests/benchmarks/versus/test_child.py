"""The process of a side: ready when it is warm, and an answer a line."""

import json
import sys

from benchmarks.structure import ROOT
from benchmarks.versus import turns


def test_a_child_warms_up_and_answers_each_line(tmp_path):
    (tmp_path / "made.py").write_text(
        "def made(size, batch):\n"
        "    calls = []\n"
        "    def call():\n"
        "        calls.append(size.width)\n"
        "        print('told by a library', len(calls))\n"
        "    return call, batch\n"
    )
    setting = json.dumps({"size": {"width": 3}, "batch": 5, "threads": 1})
    words = [sys.executable, "-m", "benchmarks.versus.child", "made", "made", setting]
    places = {"PYTHONPATH": f"{ROOT}:{tmp_path}"}
    side = turns.Side("made", words, places)
    assert side.about == {"parameters": 5}
    cpu, wall = side.ask()
    assert 0 <= cpu < 60 and 0 <= wall < 60
    side.close()
