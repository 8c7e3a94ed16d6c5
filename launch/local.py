"""Processes on this machine, as many as asked for: one run, as on a pod, and begun again as there.

python -m launch.local --processes=4 --devices=2 --config=configs/itit_tiny.py --workdir=runs/x \
    --config.data.path=DATA

    local.run(command, processes=2)           # -> exit code
"""

import contextlib
import functools
import os
import signal
import socket
import subprocess
import sys
import time

from launch.options import RESTARTED
from launch.start import Job, Target, main
from launch.text import join

STOPPED = 42
LOST = 30  # seconds in which the others find out that one of them is gone
PAUSE = 0.1  # seconds between looks at the processes


def environment(number, processes, port, devices=0):
    """{variable: value} of one of so many processes; `devices` CPU devices, or what there is."""
    found = {}
    if processes > 1:
        found = {
            "JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}",
            "JAX_NUM_PROCESSES": str(processes),
            "JAX_PROCESS_ID": str(number),
        }
    if devices:
        before = os.environ.get("XLA_FLAGS", "").split()
        kept = [flag for flag in before if "host_platform_device_count" not in flag]
        count = f"--xla_force_host_platform_device_count={devices}"
        found |= {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": " ".join([*kept, count])}
    return found


def free_port():
    """A port that nobody listens at."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return opened.getsockname()[1]


def run(command, *, processes=1, devices=0, max_restarts=50, grace=120):
    """Runs the command in all processes, and begins anew after 42 and signals. -> exit code."""
    with _Told() as told:
        for attempt in range(max_restarts + 1):
            code = _wait(_begin(command, processes, devices), told, grace)
            if told.stop or code not in RESTARTED:
                break
            if attempt < max_restarts:
                print(f"launch.local: exit code {code}: started again", file=sys.stderr, flush=True)
    return STOPPED if told.stop and code in RESTARTED else code


def _begin(command, processes, devices):
    """The processes, each in a session of its own: only this one tells them to stop."""
    port = free_port()
    variables = [environment(number, processes, port, devices) for number in range(processes)]
    return [
        subprocess.Popen(command, env=os.environ | found, start_new_session=True)
        for found in variables
    ]


class _Told(contextlib.ExitStack):
    """Remembers that this process is asked to stop, so that the others are asked too."""

    def __init__(self):
        super().__init__()
        self.stop = False
        for number in (signal.SIGTERM, signal.SIGINT):
            self.callback(signal.signal, number, signal.signal(number, self._ask))

    def _ask(self, number, frame):
        del number, frame
        self.stop = True


def _wait(started, told, grace):
    """Until all have ended. Who has not, so many seconds after all were asked or after one of them
    was lost, is killed. -> exit code."""
    begin, asked = None, False
    while any(process.poll() is None for process in started):
        if told.stop and not asked:
            asked = True
            for process in started:
                process.send_signal(signal.SIGTERM)
        ended = [process.poll() for process in started]
        if asked or any(ended):
            begin = begin or time.monotonic()
            stopped = asked or set(ended) <= {None, 0, STOPPED}  # on purpose: they may save yet
            if time.monotonic() - begin > (grace if stopped else LOST):
                for process in started:
                    process.kill()
        time.sleep(PAUSE)
    return worst([process.returncode for process in started])


def worst(codes):
    """One exit code of all: what the user has to mend before what a new start helps against."""
    codes = [128 - code if code < 0 else code for code in codes]
    faults = [code for code in codes if code not in (0, *RESTARTED)]
    return next(iter(faults), max(codes))


def script(job: Job):
    """The commands as they would be typed."""
    options, lines = job.options, [f"# {job.name}: {job.options.processes} processes\n"]
    for number in range(options.processes):
        found = environment(number, options.processes, "PORT", options.devices)
        words = ("env", *(f"{name}={value}" for name, value in found.items()), *job.program())
        lines.append(f"{join(words)} &\n")
    return "".join([*lines, "wait\n"])


def start(jobs):
    """One job after the other. The exit code of the first that fails, or 0."""
    for job in jobs:
        options = job.options
        code = run(
            job.program(sys.executable),
            processes=options.processes,
            devices=options.devices,
            max_restarts=options.max_restarts,
            grace=options.grace,
        )
        if code:
            return code
    return 0


TARGET = Target(
    name="launch.local",
    help="Processes on this machine.",
    takes=("processes", "devices", "grace"),
    needs=(),
    tools=(),
    script=script,
    delete=lambda job: (),  # it ends with this command
    bucket=False,
    run=start,
)
main = functools.partial(main, TARGET)

if __name__ == "__main__":
    sys.exit(main())
