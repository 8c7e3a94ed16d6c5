"""--profile=FIRST:LAST: a trace of these steps for TensorBoard or Perfetto, in the run's folder."""

import contextlib

import jax


class Profile:
    """Traces the steps from `first` up to, without, `last`; no step where `steps` is None."""

    def __init__(self, run, steps=None):
        self.folder, self.steps, self._first = str(run.profile), steps, None

    @contextlib.contextmanager
    def step(self, number):
        """Around a step. Every step carries its number in the trace."""
        # A run that goes on within these steps is traced from there.
        if self.steps and self._first is None and self.steps[0] <= number < self.steps[1]:
            jax.profiler.start_trace(self.folder)
            self._first = number
        with jax.profiler.StepTraceAnnotation("train", step_num=number):
            yield

    def end(self, number, state, say):
        """After that step: write the trace if it was the last one that is wanted."""
        if self._first is not None and number + 1 >= self.steps[1]:
            jax.block_until_ready(state)  # or the trace would end before the work does
            first = self._first
            self.close()
            say(f"profile of steps {first} to {number}: {self.folder}")

    def close(self):
        """Write what was traced, also of a run that ends earlier."""
        if self._first is not None:
            self._first = None  # a trace that cannot be written is not tried again
            jax.profiler.stop_trace()
