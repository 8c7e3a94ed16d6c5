"""Clusters are found by the variables of whoever started the processes."""

import jax
import pytest

from data_pipelines.errors import UserError
from itit_jax import cluster, distributed
from launch import local

SLURM = dict(
    SLURM_JOB_ID="7", SLURM_STEP_NODELIST="node[001-002]", SLURM_NTASKS="16", SLURM_PROCID="9",
    SLURM_LOCALID="1",
)  # fmt: skip
MPI = dict(OMPI_COMM_WORLD_SIZE="4", OMPI_COMM_WORLD_RANK="3", OMPI_COMM_WORLD_LOCAL_RANK="1")
URI = dict(OMPI_MCA_orte_hnp_uri="1531576320.0;tcp://10.96.0.1,10.148.0.1:34911")
OURS = local.environment(1, 2, 5000)
ALL = {*SLURM, *MPI, *URI, *OURS, *cluster.TPU_HOSTS, "MEGASCALE_NUM_SLICES", "TPU_ML_PLATFORM",
       "TPU_SKIP_MDS_QUERY", "KUBERNETES_SERVICE_HOST", "JOB_COMPLETION_INDEX"}  # fmt: skip


@pytest.fixture
def started(monkeypatch):
    """set(variables) -> what jax.distributed.initialize is called with."""
    calls = []
    monkeypatch.setattr(jax.distributed, "initialize", lambda *a, **k: calls.append(a))
    for name in ALL:
        monkeypatch.delenv(name, raising=False)

    def start(given):
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        distributed.initialize()
        return calls

    return start


@pytest.mark.parametrize(
    "given, count, call",
    [
        ({}, 1, None),
        (OURS, 2, ("127.0.0.1:5000", 2, 1)),
        (SLURM, 16, (None, None, None)),
        (SLURM | OURS, 2, ("127.0.0.1:5000", 2, 1)),
        (SLURM | dict(SLURM_NTASKS="1", SLURM_PROCID="0"), 1, None),  # srun --pty bash
        ({n: v for n, v in SLURM.items() if n != "SLURM_STEP_NODELIST"}, 1, None),  # no srun
        (MPI | URI, 4, (None, None, None)),
        (MPI | dict(JAX_COORDINATOR_ADDRESS="x:1"), 4, ("x:1", 4, 3)),
        (dict(TPU_WORKER_HOSTNAMES="a,b", MEGASCALE_NUM_SLICES="2"), 4, (None, None, None)),
        (dict(TPU_WORKER_HOSTNAMES="localhost"), 1, None),
        (dict(TPU_PROCESS_ADDRESSES="a:1,b:1"), 2, (None, None, None)),
        (dict(TPU_ML_PLATFORM="JAX"), 1, (None, None, None)),  # its metadata tells
        (dict(TPU_ML_PLATFORM="JAX", TPU_SKIP_MDS_QUERY="1"), 1, None),
        (dict(KUBERNETES_SERVICE_HOST="x", JOB_COMPLETION_INDEX="0"), 1, (None, None, None)),
        (dict(KUBERNETES_SERVICE_HOST="x"), 1, None),  # a notebook
    ],
)
def test_who_started_it_tells_the_cluster(given, count, call, started):
    assert started(given) == ([call] if call else [])
    assert cluster.processes() == count


@pytest.mark.parametrize("given, address, count, number", [
    (SLURM, "node001:61447", 16, 9), (MPI | URI, "10.96.0.1:65349", 4, 3)
])  # fmt: skip
def test_jax_finds_the_same_by_these_variables(given, address, count, number, started):
    from jax._src.clusters import ClusterEnv

    started(given)
    found = ClusterEnv.auto_detect_unset_distributed_params(None, None, None, None, None, 1)
    assert found[1:3] == (count, number) and found[0].split(":")[0] == address.split(":")[0]


@pytest.mark.parametrize(
    "given, sentence",
    [
        (dict(JAX_NUM_PROCESSES="2"), "is set, but JAX_COORDINATOR_ADDRESS is not"),
        (dict(JAX_COORDINATOR_ADDRESS="x:1", JAX_PROCESS_ID="0"), "JAX_NUM_PROCESSES is not"),
        (OURS | dict(JAX_PROCESS_ID="2"), "JAX_PROCESS_ID=2 is no process of JAX_NUM_PROCESSES=2"),
        (OURS | dict(JAX_NUM_PROCESSES="two"), "is no process of JAX_NUM_PROCESSES=two"),
        (MPI, "does not tell JAX where they meet; set JAX_COORDINATOR_ADDRESS=HOST:PORT"),
    ],
)
def test_half_a_cluster_is_one_sentence_and_no_run_of_its_own(given, sentence, started):
    with pytest.raises(UserError, match=sentence):
        started(given)


@pytest.mark.parametrize("index", ["0", "3"])
def test_a_pod_that_finds_nobody_goes_on_alone_unless_it_is_one_of_several(
    index, started, monkeypatch
):
    def find(*_, **__):
        raise ValueError("coordinator_address should be defined.")

    monkeypatch.setattr(jax.distributed, "initialize", find)
    given = dict(KUBERNETES_SERVICE_HOST="x", JOB_COMPLETION_INDEX=index)
    if index == "0":
        started(given)
        return
    with pytest.raises(UserError, match="one of several pods of a job"):
        started(given)
