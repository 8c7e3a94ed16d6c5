"""Whether all processes of a run do the same: the same settings, on the same data."""

import hashlib
import socket

import jax
import numpy as np
from jax.experimental import multihost_utils

from data_pipelines.errors import UserError
from itit_jax import config as settings

SIZE = 16  # bytes of a digest
SHOWN = 8  # lines
NAME = 64  # bytes of the name of a machine


def check_settings(config):
    """UserError naming the key where one process has another value than the first. A place may be
    another on every machine: what lies there is compared by its contents."""
    if jax.process_count() == 1:
        return
    keys = settings.declared(config)
    told = {name: str(bool(value) if keys[name].place else value)
            for name, value in settings.flat(config).items()}  # fmt: skip
    check({"recipe": ",".join(told)})
    check(told)


def check(told):
    """UserError naming what one process tells otherwise than the first. told: {name: text}, of the
    same names everywhere."""
    if jax.process_count() == 1:
        return
    digests = [hashlib.sha256(text.encode()).digest()[:SIZE] for text in told.values()]
    every = _gather(b"".join(digests)).reshape(-1, len(told), SIZE)
    for process, name in np.argwhere((every != every[0]).any(-1)):
        names = machines()
        raise UserError(
            f"process {process} ({names[process]}) has another {list(told)[name]} than process 0 "
            f"({names[0]}); start all with the same."
        )


def machines():
    """Names of the machines of all processes, in order; every process has to ask."""
    name = socket.gethostname().encode()[:NAME].ljust(NAME, b"\0")
    return [bytes(row).rstrip(b"\0").decode(errors="replace") for row in _gather(name)]


def who_reads(path, readers):
    """Lines on which machine reads which rows; every process has to ask. readers: {process: (its
    number, of so many)}."""
    if len(readers) == 1:
        return []
    names = machines()
    lines = [
        f"process {process} ({names[process]}) reads part {number + 1} of {count} of the rows of "
        f"every step from its {path}"
        for process, (number, count) in readers.items()
    ]
    return lines if len(lines) <= SHOWN else [*lines[: SHOWN - 1], f"... {lines[-1]}"]


def _gather(data):
    """Bytes of all processes [processes, bytes]."""
    found = multihost_utils.process_allgather(np.frombuffer(data, np.uint8))
    return np.asarray(found).reshape(jax.process_count(), len(data))
