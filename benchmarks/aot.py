"""Compiles the very step that `train` runs for a TPU that need not be there, ahead of time.

python -m benchmarks.aot --config=configs/itit_large.py --topology=v5e:16x16

Needs libtpu (pip install -e '.[tpu]'), no TPU. Prints bytes a device and seconds of compilation.
"""

import argparse
import json
import os
import sys
import time

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
os.environ.setdefault("TPU_WORKER_HOSTNAMES", "localhost")
os.environ.setdefault("TPU_WORKER_ID", "0")
os.environ.setdefault("TPU_ACCELERATOR_TYPE", "v5litepod-8")
os.environ.setdefault("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")

import jax
from jax.experimental import topologies

from data_pipelines.errors import UserError
from itit_jax import config as settings
from itit_jax.program import describe


def main():
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default="configs/itit_large.py")
    parser.add_argument("--topology", default="v5e:16x16", help="name:shape; cpu: local devices")
    parser.add_argument("--slices", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of the config")
    options = parser.parse_args()
    try:
        config = settings.load(options.config, overrides=options.set)
        result = compile_step(config, devices_of(options.topology, options.slices))
    except UserError as error:
        print(f"itit_jax: {error}", file=sys.stderr)
        return 2
    print(json.dumps({"config": options.config, "topology": options.topology} | result, indent=1))
    return 0


def devices_of(topology, slices):
    """Devices of a TPU topology by name, or the local ones."""
    if topology == "cpu":
        return jax.devices()
    kinds = {"num_slices": slices} if slices > 1 else {}
    return topologies.get_topology_desc(
        platform="tpu", topology_name=topology, **kinds
    ).devices


def compile_step(config, devices):
    """-> {devices, parameters, peak bytes a device, seconds to lower and to compile}."""
    program = describe(config, devices)
    start = time.time()
    lowered = program.lower()
    lowering = time.time() - start
    compiled = lowered.compile()
    memory = compiled.memory_analysis()
    return {
        "devices": len(devices),
        "trained_parameters": sum(x.size for x in jax.tree.leaves(program.state.params)),
        "frozen_parameters": sum(x.size for x in jax.tree.leaves(program.frozen)),
        "peak_bytes_a_device": getattr(memory, "peak_memory_in_bytes", None),
        "argument_bytes_a_device": memory.argument_size_in_bytes,
        "temporary_bytes_a_device": memory.temp_size_in_bytes,
        "lower_seconds": round(lowering, 1),
        "compile_seconds": round(time.time() - start - lowering, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
