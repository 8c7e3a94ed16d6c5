"""Processes, and rows of one host as rows of a global batch."""

import os

import jax

CLUSTER = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")


def initialize():
    """Join the cluster, if there is one.

    On a TPU pod JAX finds it by itself; elsewhere the three variables of CLUSTER name it.
    """
    if jax.distributed.is_initialized():
        return
    if all(name in os.environ for name in CLUSTER):
        jax.distributed.initialize(
            os.environ[CLUSTER[0]], int(os.environ[CLUSTER[1]]), int(os.environ[CLUSTER[2]])
        )
    elif len(os.environ.get("TPU_WORKER_HOSTNAMES", "").split(",")) > 1:
        jax.distributed.initialize()


def is_lead():
    """Whether this process writes what only one may write."""
    return jax.process_index() == 0


def to_global(batch, sharding):
    """Rows of this host -> global arrays, spread over all devices."""
    make = lambda rows: jax.make_array_from_process_local_data(sharding, rows)
    return jax.tree.map(make, batch)
