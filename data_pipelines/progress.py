"""How far a long work is: a bar on a terminal, elsewhere a line now and then."""

import sys
import time

from rich.progress import BarColumn, Progress, TextColumn

EVERY = 15  # seconds between two lines


class Bar:
    """`with Bar("reads", "examples") as bar: bar.at(300, 0.5)`."""

    def __init__(self, doing, things):
        self._doing, self._things = doing, things
        self._start = self._said = time.monotonic()
        self._first = None  # what was there before, which took no time now
        self._bar = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._bar:
            self._bar.stop()

    def at(self, count, share):
        """`count` things are done, and `share` (0 to 1) of all."""
        now = time.monotonic()
        if self._first is None:
            self._first = count, share
        if now - self._said < (0.5 if sys.stdout.isatty() else EVERY):
            return
        self._said = now
        self._show(share, self._line(count, share, now - self._start))

    def _line(self, count, share, spent):
        done, part = count - self._first[0], share - self._first[1]
        told = f"{self._doing} {count:,} {self._things}, {done / spent:,.0f} a second"
        left = (1 - share) / part * spent if part > 0 else 0
        return f"{told}, {duration(left)} left" if left else told

    def _show(self, share, text):
        if not sys.stdout.isatty():
            print(text, flush=True)
            return
        if self._bar is None:
            self._bar = Progress(BarColumn(20), TextColumn("{task.description}", markup=False))
            self._task = self._bar.add_task("", total=1)
            self._bar.start()
        self._bar.update(self._task, completed=share, description=text)


def duration(seconds) -> str:
    """In the unit that one would say."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
