"""What a run tells and keeps: a progress line, metrics, TensorBoard events, pictures."""

import contextlib
import io
import json
import pathlib
import shutil
import tempfile
import time

import jax
import numpy as np
from tensorboardX import SummaryWriter

from itit_jax import curves, workdir
from itit_jax.distributed import is_lead
from itit_jax.run_files import finite
from itit_jax.screen import Screen, duration

UNSHOWN = ("grad_norm", "skipped")  # on the progress line


class Report(Screen):
    """Reports of one run. Steps are done steps: 1 after the first update."""

    def __init__(self, run, steps, every_seconds, rows=0):
        """rows: of one global step, for the speed."""
        super().__init__(loud=is_lead())
        self.run, self.steps, self.every, self.rows = run, steps, every_seconds, rows
        self._waiting = []  # (step, metrics still on the device)
        # Of the steps told so far: how many of the last were skipped, and the last sound loss.
        self.skipped, self.sound = 0, 0
        self._since = (time.time(), 0)
        self._data_wait = 0.0
        self._metrics = None
        self._log = run.lines(workdir.LOG) if self.loud else None

    def begin(self, step):
        """From here on metrics are told; those past `step` are about to be written anew."""
        self._since = (time.time(), step)
        if self.loud:
            stay, went = self.run.forget_after(step)
            if stay < step:
                lost = f"{step - stay:,} of {step:,} steps"
                self.say(f"{workdir.METRICS} was damaged: it lacks {lost}; the run goes on")
            if went and not step:
                self.say(f"no checkpoint yet: {workdir.METRICS} of {went:,} steps begins anew")
            self._metrics = self.run.lines(workdir.METRICS)
            self._events = Events(self.run, step)

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
        means = {k: _mean([m[k] for _, m in rows]) for k in rows[-1][1]}
        for s, metrics in rows:
            self.skipped = self.skipped + 1 if metrics.get("skipped") else 0
            self.sound = s if np.isfinite(metrics["loss"]) else self.sound
        speed = done / passed
        if self.loud:
            self._write(rows, means | {"steps_per_second": speed}, step)
        shown = [f"{k} {v:.3g}" for k, v in means.items() if k not in UNSHOWN]
        if left_out := sum(m.get("skipped", 0) for _, m in rows):
            shown.append(f"skipped {left_out:.0f}")
        self._tell(
            step,
            f"step {step:,}/{self.steps:,}  {100 * step // self.steps} %  "
            f"eta {duration((self.steps - step) / speed)}  {'  '.join(shown)}  "
            f"{self.rows * speed:,.0f} rows/s  "
            f"wait {100 * self._data_wait / passed:.1f} %",
        )
        self._since, self._data_wait = (now, step), 0.0

    def _write(self, rows, means, step):
        lines = []
        for s, metrics in rows:
            row = {"step": s, **{k: float(v) for k, v in metrics.items()}}
            lines.append(json.dumps(finite(row), allow_nan=False) + "\n")
        self._metrics.write("".join(lines))
        self._metrics.flush()
        self._events.add(finite(means), step)

    def _tell(self, step, text):
        self.at(step, self.steps, text)
        self._log_line(text)

    def say(self, text):
        """One line, on the terminal and in the log."""
        super().say(text)
        self._log_line(text)

    def _log_line(self, text):
        if self._log:
            self._log.write(text + "\n")
            self._log.flush()

    @contextlib.contextmanager
    def phase(self, name):
        """As on any screen; the speed of the steps does not count it."""
        start = time.time()
        with super().phase(name):
            yield
        self._since = (self._since[0] + time.time() - start, self._since[1])

    def upload(self):
        """Bring what is written to where others can read it, before a checkpoint says so."""
        for file in (self._metrics, self._log):
            if hasattr(file, "upload"):
                file.upload()
        if self._metrics:
            self._events.upload()

    def sheet(self, step, picture):
        """A sample sheet, a PIL picture."""
        if self.loud:
            data = io.BytesIO()
            picture.save(data, format="PNG")
            self.run.keep_sample(step, data.getvalue())

    def scores(self, step, scores):
        """File {split: {score: value}}, draw the curves anew once there are any, and tell them."""
        if not self.loud:
            return
        self.run.keep_scores(step, scores)
        if metrics := self.run.metrics():
            self.run.keep(workdir.CURVES, curves.draw(metrics, self.run.scores()))
        for line in told(scores):
            self.say(line)

    def close(self):
        """Write what is left."""
        if self._waiting:
            self.flush(self._waiting[-1][0])
        super().close()
        if self._metrics:
            self._events.close()
            self._metrics.close()
        if self._log:
            self._log.close()


def _mean(values):
    """Of those that are finite; NaN if none is."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def told(scores):
    """{split: {score: value}} -> a line a split; intervals are left to the file."""
    for split, values in scores.items():
        shown = {k: v for k, v in values.items() if not k.endswith(("_low", "_high"))}
        line = (f"{k} {v if isinstance(v, str) else format(v, '.3f')}" for k, v in shown.items())
        yield f"{split}: " + "  ".join(line)


class Events:
    """TensorBoard's file of a run; of one in a bucket it is written here and copied there."""

    def __init__(self, run, step):
        """step: from which the run goes on; what another file says of later ones is void."""
        self._run = run
        self._folder = pathlib.Path(run.path if run.local else tempfile.mkdtemp())
        self._writer = SummaryWriter(str(self._folder), purge_step=step + 1 if step else None)

    def add(self, values, step):
        """{name: number} at a step."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def upload(self):
        """Copy what there is."""
        if self._run.local:
            return
        self._writer.flush()
        for file in self._folder.iterdir():
            self._run.keep(file.name, file.read_bytes())

    def close(self):
        """Write the rest."""
        self._writer.close()
        self.upload()
        if not self._run.local:
            shutil.rmtree(self._folder)
