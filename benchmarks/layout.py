"""Where every parameter lies: path, shape, mesh axes, bytes a device. Allocates nothing.

python -m benchmarks.layout --config=configs/itit_large.py --mesh=1,16,1
"""

import argparse
import math
import sys

import jax

from data_pipelines.errors import UserError
from itit_jax import config as settings
from itit_jax import sharding, state
from itit_jax.recipes import base


def main():
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default="configs/itit_large.py")
    parser.add_argument("--mesh", default="1,16,1", help="data,fsdp,tensor")
    options = parser.parse_args()
    try:
        print(table(settings.load(options.config), tuple(map(int, options.mesh.split(",")))))
    except UserError as error:
        print(f"itit_jax: {error}", file=sys.stderr)
        return 2
    return 0


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
