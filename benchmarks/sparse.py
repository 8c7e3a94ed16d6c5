"""Time and temporary memory of a stack of layers over pictures, dense and sparse, in one run.

python -m benchmarks.sparse --out=results/sparse.json
"""

import json
import shlex
import sys
import time

import jax
import jax.numpy as jnp

from benchmarks.study import commit, machine
from configs.commands import Argument, command
from configs.keys import at_least
from data_pipelines.files import whole
from itit_jax.models.ernie_vilg import ErnieViLG

KERNELS = {"dense": 0, "sparse": 11}  # tokens a side that the last layer sees
SOURCES = {"draw": "image", "caption": "text"}  # what is made: the kind of its target

ARGUMENTS = {
    "--side": Argument(32, "image tokens a side", at_least(2), form="N"),
    "--words": Argument(64, "words of a text", at_least(2), form="N"),
    "--width": Argument(256, "width of the layers", at_least(8), form="N"),
    "--depth": Argument(8, "layers", at_least(1), form="N"),
    "--heads": Argument(4, "attention heads", at_least(1), form="N"),
    "--rows": Argument(1, "pictures of a batch", at_least(1), form="N"),
    "--times": Argument(5, "timed steps, of which the fastest counts", at_least(1), form="N"),
    "--out": Argument("", "JSON file of it", form="FILE"),
}


@command("benchmarks.sparse", "time and memory of sparse attention against dense", ARGUMENTS)
def main(options):
    """Prints both and their ratios, forward and backward."""
    steps = {(name, what): compiled(options, kernel, what)
             for name, kernel in KERNELS.items() for what in SOURCES}  # fmt: skip
    spent = {key: [] for key in steps}
    for _ in range(options.times):  # in turn, so that other work on the machine meets all alike
        for key, step in steps.items():
            spent[key].append(timed(*step))
    found = {name: {what: told(steps[name, what][0], spent[name, what]) for what in SOURCES}
             for name in KERNELS}  # fmt: skip
    ratios = {
        what: {key: round(found["sparse"][what][key] / value, 3)
               for key, value in found["dense"][what].items()}
        for what in SOURCES
    }  # fmt: skip
    sizes = {name: getattr(options, name) for name in ("side", "words", "width", "depth", "heads")}
    text = json.dumps(
        found
        | {
            "sparse_over_dense": ratios,
            "sizes": sizes | {"rows": options.rows},
            "device": machine(),
            "command": shlex.join(["python", "-m", "benchmarks.sparse", *sys.argv[1:]]),
            "commit": commit(),
        },
        indent=1,
    )
    print(text)
    if options.out:
        with whole(options.out, "w") as file:
            file.write(text + "\n")


def compiled(options, kernel, what):
    """-> (compiled gradient of the states of a whole sequence, parameters)."""
    network = ErnieViLG(
        width=options.width, depth=options.depth, heads=options.heads,
        mlp_width=4 * options.width, codes=16, tokens=options.side**2, vocabulary_size=16,
        text_length=options.words, kernel=kernel, scan=False,
    )  # fmt: skip
    image = jnp.zeros((options.rows, options.side**2), jnp.int32)
    words = jnp.ones((options.rows, options.words), jnp.int32)
    params = jax.jit(network.init)(jax.random.key(0), image, words)
    source, ids = ((None, words), image) if what == "draw" else ((image, None), words)

    def loss(params):
        states = network.apply(params, source, SOURCES[what], ids, method="states")
        return jnp.mean(jnp.square(states - 1.0))

    return jax.jit(jax.grad(loss)).lower(params).compile(), params


def timed(run, *arguments):
    """(seconds by the clock, seconds of all cores) of one call."""
    wall, core = time.perf_counter(), time.process_time()
    jax.block_until_ready(run(*arguments))
    return time.perf_counter() - wall, time.process_time() - core


def told(step, spent):
    """{"seconds", "core_seconds", "temporary_bytes"}: the least of each."""
    wall, core = (round(min(column), 4) for column in zip(*spent))
    memory = step.memory_analysis().temp_size_in_bytes
    return {"seconds": wall, "core_seconds": core, "temporary_bytes": memory}


if __name__ == "__main__":
    sys.exit(main())
