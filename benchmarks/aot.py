"""Compiles the very step that `train` runs for a TPU that need not be there, ahead of time.

python -m benchmarks.aot --config=configs/itit_large.py --topology=v5e:16x16

Needs libtpu (pip install -e '.[tpu]'), no TPU. Prints bytes a device and seconds of compilation.
"""

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

from configs.commands import Argument, command
from configs.keys import at_least
from itit_jax import config as settings
from itit_jax.program import describe

ARGUMENTS = {
    "--config": Argument("configs/itit_large.py", "the experiment", form="FILE"),
    "--topology": Argument("v5e:16x16", "name:shape; cpu: local devices", form="NAME:SHAPE"),
    "--slices": Argument(1, "of that topology", at_least(1), form="N"),
    "--set": Argument((), "a key of the config, often", form="KEY=VALUE", many=True),
}


@command("benchmarks.aot", "compile a step for a TPU that is not there", ARGUMENTS)
def main(options):
    """Prints bytes a device and seconds."""
    config = settings.load(options.config, overrides=options.set)
    result = compile_step(config, devices_of(options.topology, options.slices))
    print(json.dumps({"config": options.config, "topology": options.topology} | result, indent=1))


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
