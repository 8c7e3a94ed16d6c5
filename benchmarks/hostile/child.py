"""One weight file, read in a process of its own, and what became of that process."""

import json
import os
import pathlib
import resource
import select
import signal
import sys
import threading
import time
import warnings

import numpy as np

from data_pipelines.errors import UserError
from itit_jax.weights import convert
from itit_jax.weights.containers import tensors, torch_pickles
from itit_jax.weights.containers.find import read_tensors

SECONDS, BYTES = 20, 2 * 2**30
GOOD = ("refused", "right")
BAD = ("executed", "changed", "crash", "endless", "memory", "traceback", "wrong")
TOLD = {
    "refused": "one sentence",
    "right": "read, every number as it was written",
    "executed": "the file ran something",
    "changed": "dtypes, modules or environment of the process are not what they were",
    "crash": "the process died",
    "endless": f"not done after {SECONDS} seconds",
    "memory": f"more than {BYTES // 2**30} GB",
    "traceback": "an exception, or a sentence of several lines",
    "wrong": "read, but other numbers than were written, or what are no weights",
}
# What a program would do to this machine, by the names of Python's audit.
WATCHED = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "subprocess.Popen",
           "socket.", "shutil.", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.putenv",
           "ctypes.", "webbrowser.open", "pty.spawn", "marshal.loads", "pickle.find_class",
           "ftplib", "urllib", "code.__new__", "sys.settrace")  # fmt: skip


def judge(path, truth=None):
    """-> (outcome, what was said). truth: {our path: array}, or None: nothing may be taken."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # JAX is here, but was not used yet: it has no threads
        child = os.fork()
    if child == 0:
        os.close(reading)
        _answer(writing, path, truth)
    os.close(writing)
    text, over = _heard(reading), False
    if text is None:
        over = True
        os.kill(child, signal.SIGKILL)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    if over:
        return "endless", ""
    if os.WIFSIGNALED(status) or not text:
        return "crash", f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "no answer"
    return tuple(json.loads(text))


def _heard(reading):
    """What the child wrote until it closed; None if it did not in time."""
    parts, end = [], time.monotonic() + SECONDS
    while True:
        ready, _, _ = select.select([reading], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return None
        if not (part := os.read(reading, 65536)):
            return b"".join(parts).decode()
        parts.append(part)


def _answer(writing, path, truth):
    """In the child: reads, judges, says so and is gone without any clean-up."""
    try:
        answer = json.dumps(_judged(pathlib.Path(path), truth))
        os.write(writing, answer.encode())
    finally:
        os._exit(0)


def _judged(path, truth):
    _limit_memory()
    seen = []
    sys.addaudithook(lambda event, _: seen.append(event) if event.startswith(WATCHED) else None)
    before = process()
    outcome, text = read(path, truth)
    changed = [name for name, value in process().items() if value != before[name]]
    if seen or (path.parent / "executed").exists():
        return "executed", str(seen)
    if changed:
        return "changed", str(changed)
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > BYTES:
        return "memory", "at its highest"
    return outcome, text


def read(path, truth):
    try:
        for tensor in read_tensors(path).values():
            tensor.read()
        arrays = convert.read(path).arrays
    except UserError as error:
        several = len(str(error).splitlines()) > 1 or not str(error).isprintable()
        return ("traceback" if several or len(str(error)) > 1500 else "refused"), str(error)[:2000]
    except MemoryError:
        return "memory", ""
    except BaseException as error:  # whatever comes is the finding
        return "traceback", f"{type(error).__name__}: {error}"[:2000]
    if truth is None:
        return "wrong", f"took {list(arrays)[:3]}"
    same = arrays.keys() == truth.keys() and all(
        np.array_equal(arrays[name], truth[name]) for name in truth
    )
    return ("right", "") if same else ("wrong", "other numbers")


def _limit_memory():
    """What the parent has mapped and not used is no memory."""
    mapped, used = (int(n) * resource.getpagesize() for n in _statm()[:2])
    most = BYTES + mapped - used
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _statm():
    return pathlib.Path("/proc/self/statm").read_text().split()


def process():
    """{what: value} of this process that no file may change."""
    dtypes = {*tensors.NUMBERS.values(), *torch_pickles.STORAGES.values()}
    kept = ("os", "sys", "builtins", "posix", "numpy", "ml_dtypes", "json", "zipfile", "pickle",
            tensors.__name__, torch_pickles.__name__)  # fmt: skip
    return {
        "dtypes": sorted((d.name, d.itemsize, d.alignment, d.str, np.ones(3, d).nbytes, id(d.type))
                         for d in dtypes),
        "modules": sorted(sys.modules),
        "names": [(m, sorted((k, id(v)) for k, v in vars(sys.modules[m]).items())) for m in kept],
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "signals": [str(signal.getsignal(n)) for n in (signal.SIGINT, signal.SIGTERM)],
        "limits": (sys.getrecursionlimit(), threading.active_count()),
    }  # fmt: skip
