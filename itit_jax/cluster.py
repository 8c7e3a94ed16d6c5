"""Of how many processes this one is, as far as its environment tells. No JAX here.

Who starts them tells them by variables: ourselves (launch.local), SLURM's srun, Open MPI's mpirun,
GKE for TPUs. JAX reads the same ones; what only asking somebody tells it is left to itself.
"""

import os
from typing import NamedTuple

from data_pipelines.errors import UserError

OURS = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
SLURM = ("SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID")
MPI = ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK")
MPIRUN = "OMPI_MCA_orte_hnp_uri"  # by which JAX finds where they meet; Open MPI 5 tells it no more
TPU_HOSTS = ("TPU_PROCESS_ADDRESSES", "TPU_WORKER_HOSTNAMES")


class Cluster(NamedTuple):
    """Several processes. address, process: where they meet and which this is, where JAX has to be
    told; else it finds them by the same variables."""

    by: str
    processes: int
    address: str | None = None
    process: int | None = None


def told():
    """The Cluster of this process, or None of one alone. UserError of half a one."""
    for find in (_ours, _slurm, _mpi, _tpu):
        if found := find():
            return found if found.processes > 1 else None
    return None


def processes():
    """Of how many processes this is one."""
    found = told()
    return found.processes if found else 1


def _ours():
    given = [name for name in OURS if os.environ.get(name)]
    if not set(given) & set(OURS[1:]):
        return None  # the address alone says nothing: it may stand beside the variables of others
    if missing := set(OURS) - set(given):
        raise UserError(
            f"{given[-1]} is set, but {min(missing)} is not; set all three of "
            f"{', '.join(OURS)}, or none for a run of one process."
        )
    count, number = _numbers(*OURS[1:])
    return Cluster("JAX_NUM_PROCESSES", count, os.environ[OURS[0]], number)


def _slurm():
    if not all(os.environ.get(name) for name in SLURM):
        return None  # also inside of a batch script, outside of srun
    return Cluster("SLURM", _numbers("SLURM_NTASKS", "SLURM_PROCID")[0])


def _mpi():
    if not all(os.environ.get(name) for name in MPI):
        return None
    count, number = _numbers(*MPI)
    if os.environ.get(MPIRUN):
        return Cluster("Open MPI", count)
    if count > 1 and not os.environ.get(OURS[0]):
        raise UserError(
            f"mpirun started {count} processes, but does not tell JAX where they meet; set "
            f"{OURS[0]}=HOST:PORT of the first of them."
        )
    return Cluster("Open MPI", count, os.environ.get(OURS[0]), number)


def _tpu():
    hosts = next((os.environ[name] for name in TPU_HOSTS if os.environ.get(name)), "")
    slices = os.environ.get("MEGASCALE_NUM_SLICES", "1")
    count = len(hosts.split(",")) * (int(slices) if slices.isdecimal() else 1) if hosts else 0
    return Cluster("TPU", count) if count else None


def _numbers(count, number):
    """(how many, which) of two variables."""
    told = [os.environ[name] for name in (count, number)]
    if not all(map(str.isdecimal, told)) or int(told[1]) >= int(told[0]):
        raise UserError(
            f"{number}={told[1]} is no process of {count}={told[0]}; number them from 0."
        )
    return tuple(map(int, told))
