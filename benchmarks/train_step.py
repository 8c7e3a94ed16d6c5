"""What share of the speed of a bare matrix product a training step of a config reaches.

python -m benchmarks.train_step --config=configs/itit_tiny.py --set=cycle.mode=none

The step that `train` runs, compiled for the device that is here, and in turn with it a product of
its widest kernel with a batch of rows, in its precision. FLOPs are those of the recipe's formula.
"""

import json
import shlex
import statistics
import sys

import jax
import jax.numpy as jnp

from benchmarks.cycle_cost import whole_step
from benchmarks.sparse import timed
from benchmarks.study import commit, machine
from configs.commands import Argument, command
from configs.keys import at_least
from itit_jax import config as settings
from itit_jax.evaluation import out_files
from itit_jax.recipes import base

ROWS = 2048  # of the bare product
PRODUCTS = 10  # a turn, so that their start does not count

ARGUMENTS = {
    "--config": Argument("configs/itit_tiny.py", "the experiment", form="FILE"),
    "--set": Argument((), "a key of it, often", form="KEY=VALUE", many=True),
    "--times": Argument(10, "timed turns", at_least(1), form="N"),
    "--out": Argument("", "JSON file of it", form="FILE"),
}


@command("benchmarks.train_step", "a training step beside a bare matrix product", ARGUMENTS)
def main(options):
    """Prints seconds, FLOPs and what share they reach."""
    out_files.check(options.out)
    recipe = base.find(begun(settings.load(options.config, overrides=list(options.set))))
    flops = sum(term.total for term in recipe.flops().values())
    _, step = whole_step(recipe)
    product, product_flops = bare_product(recipe)
    spent = {"step": [], "product": []}
    for turn in range(options.times + 1):  # the first one warms up
        for name, call in (("step", step), ("product", product)):
            seconds = timed(call)
            spent[name] += [seconds] if turn else []
    found = told(flops, product_flops, spent) | {
        "config": options.config,
        "set": list(options.set),
        "device": machine(),
        "command": shlex.join(["python", "-m", "benchmarks.train_step", *sys.argv[1:]]),
        "commit": commit(),
    }
    print(json.dumps(found, indent=1))
    out_files.write(options.out, found)


def begun(config):
    """The same from its first step as at its end: cycles that wait for pairs would not be run."""
    if "cycle" in config:
        config.cycle.update(t2i2t_start=0, i2t2i_start=0, ramp=0)
    return config


def bare_product(recipe):
    """-> (PRODUCTS products of random rows with a kernel of the model's shape, their FLOPs)."""
    dtype = jnp.dtype(recipe.config.precision.compute)
    shape = widest(jax.eval_shape(recipe.init, jax.random.key(0))[recipe.trainable[0]])
    keys = jax.random.split(jax.random.key(0))
    rows = jax.random.normal(keys[0], (ROWS, shape[0]), dtype)
    kernel = jax.random.normal(keys[1], shape, dtype)
    product = jax.jit(jnp.matmul).lower(rows, kernel).compile()
    flops = PRODUCTS * 2 * ROWS * shape[0] * shape[1]
    return lambda: [product(rows, kernel) for _ in range(PRODUCTS)], flops


def widest(params):
    """Shape (d, e) of the kernel with most numbers; of a stack that of one layer."""
    kernels = [leaf.shape[-2:] for path, leaf in jax.tree_util.tree_leaves_with_path(params)
               if getattr(path[-1], "key", "") == "kernel"]  # fmt: skip
    return max(kernels, key=lambda shape: shape[0] * shape[1])


def told(flops, product_flops, spent):
    """Medians of {"step", "product"}: (seconds, core seconds) of each turn, and the share of the
    product's FLOPs a second that the step reaches (MFU against what the device was seen to do)."""
    median = lambda name, kind: statistics.median(one[kind] for one in spent[name])
    rate = lambda kind: product_flops / median("product", kind)
    return {
        "step_seconds": round(median("step", 0), 5),
        "step_core_seconds": round(median("step", 1), 5),
        "step_gflop": round(flops / 1e9, 3),
        "product_gflop_a_second": round(rate(0) / 1e9, 1),
        "product_gflop_a_core_second": round(rate(1) / 1e9, 1),
        "share": round(flops / median("step", 0) / rate(0), 3),
        "share_by_core_seconds": round(flops / median("step", 1) / rate(1), 3),
    }


if __name__ == "__main__":
    sys.exit(main())
