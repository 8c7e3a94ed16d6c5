"""Where every parameter lies: path, shape, mesh axes, bytes a device. Allocates nothing.

python -m benchmarks.layout --config=configs/itit_large.py --mesh=1,16,1
"""

import math
import sys

import jax

from configs.commands import Argument, command
from configs.keys import Check
from itit_jax import config as settings
from itit_jax import sharding, state
from itit_jax.recipes import base

SIZES = Check(
    lambda sizes: len(sizes) == 3 and all(type(n) is int and n > 0 for n in sizes),
    "three whole numbers above 0",
)
ARGUMENTS = {
    "--config": Argument("configs/itit_large.py", "the experiment", form="FILE"),
    "--mesh": Argument((1, 16, 1), "devices of each axis", SIZES, form="DATA,FSDP,TENSOR"),
}


@command("benchmarks.layout", "where every parameter lies", ARGUMENTS)
def main(options):
    """Prints the table."""
    print(table(settings.load(options.config), options.mesh))


def table(config, sizes):
    """Text table of a config's parameters on a mesh of data x fsdp x tensor devices."""
    mesh = jax.sharding.AbstractMesh(sizes, sharding.AXES)
    recipe = base.find(config)
    parts = state.abstract_parts(recipe, mesh, config.mesh.rules)
    rows, total = [], 0
    for keys, leaf in jax.tree_util.tree_leaves_with_path(parts):
        size = math.prod(leaf.sharding.shard_shape(leaf.shape)) * leaf.dtype.itemsize
        total += size
        shape = "x".join(map(str, leaf.shape)) or "scalar"
        axes = " ".join(str(axis) for axis in leaf.sharding.spec) or "everywhere"
        rows.append(f"{sharding.path_of(keys):68s} {shape:20s} {axes:24s} {size:>12,}")
    trained = sum(leaf.size for n in recipe.trainable for leaf in jax.tree.leaves(parts[n]))
    mesh_text = " x ".join(f"{name} {size}" for name, size in zip(sharding.AXES, sizes))
    rows.append(f"{trained:,} trained parameters; {total:,} bytes a device on {mesh_text}")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
