"""What a person sees while they wait: lines, and on a terminal a bar below them."""

import contextlib
import sys
import threading
import time

from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column

from configs.commands import print_nowhere

REMIND = 15  # seconds between two lines of a slow phase


class Screen:
    """Tells on stdout; silent where another process tells."""

    def __init__(self, loud=True):
        self.loud = loud
        self._bar = None

    def say(self, text):
        """One line."""
        self._show(text)

    def _show(self, text):
        if self._bar:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        elif self.loud:
            try:
                print(text, flush=True)
            except BrokenPipeError:  # of `| head`: the work goes on
                print_nowhere()
            except OSError:  # of `> FILE` on a full disk: so it does
                pass

    def at(self, step, steps, text):
        """How far it is: the bar moves on a terminal, elsewhere a line is added."""
        if self.loud and sys.stdout.isatty():
            if self._bar is None:
                text_beside = TextColumn(
                    "{task.description}", markup=False, table_column=Column(overflow="fold")
                )
                self._bar = Progress(BarColumn(20), text_beside, refresh_per_second=2)
                self._task = self._bar.add_task("", total=steps)
                self._bar.start()
            self._bar.update(self._task, completed=step, total=steps, description=text)
        else:
            self._show(text)

    @contextlib.contextmanager
    def phase(self, name):
        """Says that something slow goes on while it lasts, and how long it took."""
        start, done = time.time(), threading.Event()

        def remind():
            while not done.wait(REMIND):
                self.say(f"{name} ... {time.time() - start:.0f} s")

        threading.Thread(target=remind, daemon=True).start()
        try:
            yield
        finally:
            done.set()
            spent = time.time() - start
            if spent > 2:
                self.say(f"{name} took {spent:.0f} s")

    def close(self):
        """Leave the last state of the bar where it is."""
        if self._bar:
            self._bar.stop()
            self._bar = None


def duration(seconds):
    """Seconds in the unit that one would say."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
