"""What a run tells: a progress line, metrics.jsonl, TensorBoard events, picture sheets."""

import contextlib
import json
import pathlib
import threading
import time

import jax
import numpy as np
from tensorboardX import SummaryWriter

from itit_jax.distributed import is_lead
from itit_jax.sheets import draw_sheet

HIDDEN = ("images",)  # counted for the speed, not shown as a metric


class Report:
    """Reports of one run. Steps are done steps: 1 after the first update."""

    def __init__(self, workdir, steps, every_seconds, *, start=0):
        self.folder, self.steps, self.every = pathlib.Path(workdir), steps, every_seconds
        self.lead = is_lead()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._waiting = []  # (step, metrics still on the device)
        self._since = (time.time(), start)
        self._images = 0.0
        self._data_wait = 0.0
        if self.lead:
            forget_after(self.folder / "metrics.jsonl", start)
            self._metrics = open(self.folder / "metrics.jsonl", "a")
            self._log = open(self.folder / "log.txt", "a")
            self._events = SummaryWriter(str(self.folder))

    def tick(self, step, metrics):
        """Take a step's metrics. They are fetched one line later, so no step waits for them."""
        self._waiting.append((step, metrics))
        first = len(self._waiting) == 1 and step == 1
        if first or step == self.steps or time.time() - self._since[0] >= self.every:
            self.flush(step)

    def time_waits(self, batches):
        """The same batches; counts the seconds that the loop stands still for them, and the speed
        from the first of them on."""
        self._since = (time.time(), self._since[1])
        while True:
            start = time.time()
            try:
                batch = next(batches)
            except StopIteration:
                return
            self._data_wait += time.time() - start
            yield batch

    def flush(self, step):
        """Write all that waits; print the mean of each metric since the last line."""
        if not self._waiting:
            return
        rows = [(s, jax.device_get(m)) for s, m in self._waiting]
        self._waiting = []
        now = time.time()
        passed, done = max(now - self._since[0], 1e-9), max(step - self._since[1], 1)
        means = {k: float(np.mean([m[k] for _, m in rows])) for k in rows[-1][1]}
        speed = done / passed
        if self.lead:
            for s, metrics in rows:
                row = {"step": s, **{k: float(v) for k, v in metrics.items() if k not in HIDDEN}}
                self._metrics.write(json.dumps(row) + "\n")
            self._metrics.flush()
            for name, value in means.items():
                self._events.add_scalar(name, value, step)
            self._events.add_scalar("steps_per_second", speed, step)
        shown = [f"{k} {v:.3g}" for k, v in means.items() if k not in (*HIDDEN, "grad_norm")]
        self.say(
            f"step {step:,}/{self.steps:,}  {100 * step // self.steps} %  "
            f"eta {_duration((self.steps - step) / speed)}  {'  '.join(shown)}  "
            f"{means.get('images', 0.0) * speed:,.0f} rows/s  "
            f"wait {100 * self._data_wait / passed:.1f} %"
        )
        self._since, self._data_wait = (now, step), 0.0

    def say(self, text):
        """One line, on the terminal and in log.txt."""
        if self.lead:
            print(text, flush=True)
            self._log.write(text + "\n")
            self._log.flush()

    @contextlib.contextmanager
    def phase(self, name):
        """Says that something slow goes on while it lasts, and how long it took."""
        start, done = time.time(), threading.Event()

        def remind():
            while not done.wait(15):
                self.say(f"{name} ... {time.time() - start:.0f} s")

        threading.Thread(target=remind, daemon=True).start()
        try:
            yield
        finally:
            done.set()
            spent = time.time() - start
            if spent > 2:
                self.say(f"{name} took {spent:.0f} s")
            self._since = (self._since[0] + spent, self._since[1])

    def grid(self, step, pictures, texts):
        """samples/STEP.png: columns of pictures, and under each row its texts."""
        if self.lead:
            file = self.folder / "samples" / f"{step:08d}.png"
            file.parent.mkdir(exist_ok=True)
            draw_sheet(pictures, texts).save(file)

    def close(self):
        """Write what is left."""
        if self._waiting:
            self.flush(self._waiting[-1][0])
        if self.lead:
            self._events.close()
            self._metrics.close()
            self._log.close()


def forget_after(file, step):
    """Drop the lines of metrics.jsonl past `step`, which a resumed run is about to write anew."""
    if not file.exists():
        return
    kept = []
    for line in file.read_text().splitlines():
        with contextlib.suppress(json.JSONDecodeError):  # a kill may have cut the last line
            if json.loads(line)["step"] <= step:
                kept.append(line)
    fresh = file.with_suffix(".new")
    fresh.write_text("".join(f"{line}\n" for line in kept))
    fresh.replace(file)


def _duration(seconds):
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
