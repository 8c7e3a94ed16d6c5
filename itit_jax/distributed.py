"""Processes, and rows of one host as rows of a global batch."""

import os

import jax
import orbax.checkpoint as ocp
from jax._src import distributed as jax_distributed  # the store has no public name

from data_pipelines.errors import UserError
from itit_jax import cluster

PATIENCE = 7 * 24 * 3600  # seconds: who is dead is found by `watch`, and who works is waited for
SILENCE = 15  # seconds without a sign of a process after which JAX ends the others


def initialize():
    """Join the cluster, if there is one.

    Variables tell most of them (cluster). A TPU VM of several hosts tells by its metadata alone,
    a job of Kubernetes by its server: those JAX asks itself, and finding none is a run of one.
    """
    if jax.distributed.is_initialized():
        return
    if found := cluster.told():
        _join(found.address, found.processes if found.address else None, found.process)
    elif _may_be_one_of_several():
        try:
            _join()
        except ValueError:  # "coordinator_address should be defined": it found nobody
            if os.environ.get("JOB_COMPLETION_INDEX", "0") != "0":
                raise UserError(
                    "this is one of several pods of a job, but JAX does not find the others; pip "
                    f"install 'jax[k8s]', or set {', '.join(cluster.OURS)}."
                ) from None


def _join(address=None, processes=None, process=None):
    jax.distributed.initialize(address, processes, process, heartbeat_timeout_seconds=SILENCE)


def _may_be_one_of_several():
    """Whether only somebody who is asked can tell."""
    here = os.environ.get
    # JAX sets the one on machines with TPUs, the other where there is no metadata to ask.
    tpu = here("TPU_ML_PLATFORM") == "JAX" and not here("TPU_SKIP_MDS_QUERY")
    job = here("KUBERNETES_SERVICE_HOST") and here("JOB_COMPLETION_INDEX")
    return bool(tpu or job)


def store():
    """Where processes leave each other notes: JAX's client of its coordination service."""
    return jax_distributed.global_state.client


def is_lead():
    """Whether this process writes what only one may write."""
    return jax.process_index() == 0


def wait_for_all(name):
    """Until every process has come to this point of the run, of a name of its own.

    Collectives on CPUs give up after 30 s, and processes may compile at different speeds.
    """
    ocp.multihost.get_barrier_sync_fn()(key=name, timeout_ms=PATIENCE * 1000)


def readers(mesh):
    """-> (number of this process, of so many) among those that read different rows."""
    return all_readers(mesh)[jax.process_index()]


def all_readers(mesh):
    """-> {process: (its number, of so many)} among those that read different rows.

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
    number = {process: groups.index(tuple(sorted(held[process]))) for process in sorted(held)}
    return {process: (place, len(groups)) for process, place in number.items()}


def to_global(batch, sharding):
    """Rows of this process [b / readers, ...] -> global arrays [b, ...], spread over all devices.

    jax.make_array_from_process_local_data cannot tell by itself who reads the same rows.
    """
    _, count = readers(sharding.mesh)

    def make(rows):
        shape = (len(rows) * count, *rows.shape[1:])
        return jax.make_array_from_process_local_data(sharding, rows, shape)

    return jax.tree.map(make, batch)
