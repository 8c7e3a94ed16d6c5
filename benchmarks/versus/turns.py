"""Processes that are asked in turn, so that other work on the machine meets all alike."""

import contextlib
import json
import statistics
import subprocess

from data_pipelines.errors import UserError


class Side:
    """A process that answers each line by [seconds of all its cores, seconds of the clock]."""

    def __init__(self, name, words, environment=None):
        self.name, self.words = name, words
        self._process = subprocess.Popen(
            words, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.about = self._answer()  # when it is ready

    def ask(self):
        with contextlib.suppress(BrokenPipeError):  # told where its answer is missed
            print(file=self._process.stdin, flush=True)
        return self._answer()

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            raise UserError(
                f"{self.name} ended with code {self._process.wait()} instead of an answer; its "
                f"last words stand above (`make versus` sets up what the peers need)."
            )
        return json.loads(line)


def in_turn(sides, times):
    """{name: [its answers]}: each side once, `times` over."""
    answers = {side.name: [] for side in sides}
    for _ in range(times):
        for side in sides:
            answers[side.name].append(side.ask())
    return answers


def told(answers, items):
    """Medians of one side, of one item: {"core_seconds", "seconds"}, and all `core_seconds`."""
    core, wall = ([seconds / items for seconds in column] for column in zip(*answers))
    return {
        "core_seconds": round(statistics.median(core), 6),
        "seconds": round(statistics.median(wall), 6),
        "all_core_seconds": [round(seconds, 6) for seconds in core],
    }


def against(ours, peer):
    """How many times the seconds of ours the peer takes: ratio of the medians, over cores and by
    the clock, and the lowest and highest ratio of one turn."""
    median = lambda answers, kind: statistics.median(answer[kind] for answer in answers)
    of_turns = [theirs[0] / mine[0] for mine, theirs in zip(ours, peer)]
    return {
        "ratio": round(median(peer, 0) / median(ours, 0), 3),
        "lowest": round(min(of_turns), 3),
        "highest": round(max(of_turns), 3),
        "ratio_by_the_clock": round(median(peer, 1) / median(ours, 1), 3),
    }
