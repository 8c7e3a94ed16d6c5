"""What a run tells and keeps: a progress line, metrics, TensorBoard events, pictures."""

import contextlib
import io
import json
import socket
import struct
import sys
import time

import jax
import numpy as np
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.record_writer import masked_crc32c

from data_pipelines.errors import UserError
from itit_jax import curves, workdir
from itit_jax.distributed import is_lead
from itit_jax.run_files import finite
from itit_jax.screen import Screen, duration

UNSHOWN = ("grad_norm", "skipped")  # on the progress line
EVENTS = "events"


class Report(Screen):
    """Reports of one run. Steps are done steps: 1 after the first update.

    What cannot be written, as on a full disk, ends no run: that is told, and lines and events wait
    until they can be.
    """

    def __init__(self, run, steps, every_seconds, rows=0):
        """rows: of one global step, for the speed."""
        super().__init__(loud=is_lead())
        self.run, self.steps, self.every, self.rows = run, steps, every_seconds, rows
        self._waiting = []  # (step, metrics still on the device)
        # Of the steps told so far: how many of the last were skipped, and the last sound loss.
        self.skipped, self.sound = 0, 0
        self._since = (time.time(), 0)
        self._data_wait = 0.0
        self._files = {workdir.LOG: run.lines(workdir.LOG)} if self.loud else {}
        self._waits = {}  # file: why it lacks lines that are kept here

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
            self._files[workdir.METRICS] = self.run.lines(workdir.METRICS)
            name = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}"
            self._files[EVENTS] = self.run.lines(name)
            self._write(EVENTS, first_events(step))

    def tick(self, step, metrics):
        """Take a step's metrics. They are fetched one line later, so no step waits for them."""
        self._waiting.append((step, metrics))
        first = len(self._waiting) == 1 and step == 1
        if first or step == self.steps or time.time() - self._since[0] >= self.every:
            self.flush(step)

    @property
    def told(self):
        """The last step whose metrics have come from the devices."""
        return self._since[1]

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
            self._keep(rows, means | {"steps_per_second": speed}, step)
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

    def _keep(self, rows, means, step):
        lines = []
        for s, metrics in rows:
            row = {"step": s, **{k: float(v) for k, v in metrics.items()}}
            lines.append(json.dumps(finite(row), allow_nan=False) + "\n")
        self._write(workdir.METRICS, "".join(lines))
        self._write(EVENTS, event(step, finite(means)))

    def _write(self, name, data):
        """Adds to a file, if this process tells."""
        if file := self._files.get(name):
            with self._spared(name):
                file.write(data)

    @contextlib.contextmanager
    def _spared(self, name):
        """What cannot be written in here is told once, and is tried again."""
        try:
            yield
            self._waits.pop(name, None)
        except OSError as error:
            reason = error.strerror or str(error)
            if name not in self._waits:  # not by `say`, which writes too
                super().say(f"{name} cannot be written ({reason}); training goes on")
            self._waits[name] = reason

    def _tell(self, step, text):
        self.at(step, self.steps, text)
        self._write(workdir.LOG, text + "\n")

    def say(self, text):
        """One line, on the terminal and in the log."""
        super().say(text)
        self._write(workdir.LOG, text + "\n")

    @contextlib.contextmanager
    def phase(self, name):
        """As on any screen; the speed of the steps does not count it."""
        start = time.time()
        with super().phase(name):
            yield
        self._since = (self._since[0] + time.time() - start, self._since[1])

    def upload(self):
        """Bring what is written to where others can read it, before a checkpoint says so."""
        for name, file in self._files.items():
            with self._spared(name):
                file.settle()

    def sheet(self, step, picture):
        """A sample sheet, a PIL picture."""
        if self.loud:
            data = io.BytesIO()
            picture.save(data, format="PNG")
            with self._spared(workdir.SAMPLES):
                self.run.keep_sample(step, data.getvalue())

    def scores(self, step, scores):
        """File {split: {score: value}}, draw the curves anew once there are any, and tell them."""
        if not self.loud:
            return
        with self._spared(workdir.SCORES):
            self.run.keep_scores(step, scores)
        if metrics := self.run.metrics():
            with self._spared(workdir.CURVES):
                self.run.keep(workdir.CURVES, curves.draw(metrics, self.run.scores()))
        for line in told(scores):
            self.say(line)

    def close(self):
        """Write what is left, or UserError at the end of a run that has no other fault."""
        if self._waiting:
            self.flush(self._waiting[-1][0])
        super().close()
        self.upload()
        lost = sorted(self._files.keys() & self._waits)
        if lost and sys.exception() is None:
            raise UserError(f"the last lines of {', '.join(lost)} could not be written "
                            f"({self._waits[lost[0]]}) and are lost; make room.")  # fmt: skip


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


# ---- events ------------------------------------------------------------------------------------
# TensorBoard's. tensorboardX has the messages; its writer is a thread that dies of a full disk, and
# whoever adds to it then waits without end.


def first_events(step):
    """Bytes at the head of a file of a run that goes on from a step: what another file says of
    later ones is void."""
    found = _record(Event(wall_time=time.time(), file_version="brain.Event:2"))
    if step:
        start = SessionLog(status=SessionLog.START)
        found += _record(Event(wall_time=time.time(), step=step + 1, session_log=start))
    return found


def event(step, values):
    """Bytes of {name: number} at a step."""
    values = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
    return _record(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))


def _record(message):
    """Bytes of a message as TFRecord: length and message, each with its checksum."""
    data = message.SerializeToString()
    length = struct.pack("<Q", len(data))
    checked = lambda part: part + struct.pack("<I", masked_crc32c(part))
    return checked(length) + checked(data)
