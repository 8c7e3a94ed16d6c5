"""Processes, and rows of one host as rows of a global batch."""

import os

import jax
import orbax.checkpoint as ocp

from data_pipelines.errors import UserError

PATIENCE = 3600  # seconds
CLUSTER = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")


def initialize():
    """Join the cluster, if there is one.

    On a TPU pod JAX finds it by itself; elsewhere the three variables of CLUSTER name it.
    """
    if jax.distributed.is_initialized():
        return
    given = [name for name in CLUSTER if os.environ.get(name)]
    if set(given) & set(CLUSTER[1:]):
        if missing := set(CLUSTER) - set(given):
            raise UserError(
                f"{given[-1]} is set, but {min(missing)} is not; set all three of "
                f"{', '.join(CLUSTER)}, or none for a run of one process."
            )
        numbers = [os.environ[name] for name in CLUSTER[1:]]
        if not all(map(str.isdecimal, numbers)) or int(numbers[1]) >= int(numbers[0]):
            raise UserError(
                f"{CLUSTER[2]}={numbers[1]} is no process of {CLUSTER[1]}={numbers[0]}; "
                "number them from 0."
            )
        jax.distributed.initialize(os.environ[CLUSTER[0]], *map(int, numbers))
    elif len(os.environ.get("TPU_WORKER_HOSTNAMES", "").split(",")) > 1:
        jax.distributed.initialize()


def is_lead():
    """Whether this process writes what only one may write."""
    return jax.process_index() == 0


def wait_for_all(name):
    """Until every process has come to this point of the run, of a name of its own.

    Collectives on CPUs give up after 30 s, and processes may compile at different speeds.
    """
    ocp.multihost.get_barrier_sync_fn()(key=name, timeout_ms=PATIENCE * 1000)


def readers(mesh):
    """-> (number of this process, of so many) among those that read different rows.

    Processes that only share the tensor axis of each other hold the same rows, and read them each.
    """
    held = {}
    for block, devices in enumerate(mesh.devices.reshape(-1, mesh.shape["tensor"])):
        for device in devices:
            held.setdefault(device.process_index, set()).add(block)
    groups = sorted({tuple(sorted(blocks)) for blocks in held.values()})
    if sum(map(len, groups)) > mesh.devices.size // mesh.shape["tensor"]:
        raise UserError(
            f"mesh.tensor={mesh.shape['tensor']} ends within a process, so that some share a part "
            "of their rows; choose a divisor or a multiple of the devices of one."
        )
    return groups.index(tuple(sorted(held[jax.process_index()]))), len(groups)


def to_global(batch, sharding):
    """Rows of this process [b / readers, ...] -> global arrays [b, ...], spread over all devices.

    jax.make_array_from_process_local_data cannot tell by itself who reads the same rows.
    """
    _, count = readers(sharding.mesh)

    def make(rows):
        shape = (len(rows) * count, *rows.shape[1:])
        return jax.make_array_from_process_local_data(sharding, rows, shape)

    return jax.tree.map(make, batch)
