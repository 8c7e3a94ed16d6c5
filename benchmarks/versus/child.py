"""One side, in a process of its own: asked by a line, it works once and answers with its seconds.

PYTHON -m benchmarks.versus.child MODULE FUNCTION '{"size": {...}, "batch": 1, "threads": 1}'

FUNCTION(size, batch) makes the network and returns (call, parameters). The standard library alone,
since the Pythons of both sides run it.
"""

import importlib
import json
import os
import sys
import time
import types

WARM_UP = 2  # calls: the first compiles, the second meets what the first left behind


def main(module, function, settings):
    """Says how many parameters there are when all is ready, then answers until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    settings = json.loads(settings)
    hold(settings["threads"])
    make = getattr(importlib.import_module(module), function)
    call, parameters = make(types.SimpleNamespace(**settings["size"]), settings["batch"])
    for _ in range(WARM_UP):
        call()
    say(answers, {"parameters": parameters})
    for _ in sys.stdin:
        call()  # a machine may have taken back the memory of who waited
        cpu, wall = time.process_time(), time.perf_counter()
        call()
        say(answers, [time.process_time() - cpu, time.perf_counter() - wall])


def hold(threads):
    """Stay on so many of the cores that are allowed, with as many threads; before any library."""
    if hasattr(os, "sched_setaffinity"):  # Linux
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    os.environ["OMP_WAIT_POLICY"] = "passive"  # idle threads use no seconds
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
    if threads == 1:
        alone = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {alone}".strip()


def say(file, answer):
    print(json.dumps(answer), file=file, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
