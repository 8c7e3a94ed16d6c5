"""TPUs of a Kubernetes cluster (GKE with JobSet): prints or applies a manifest.

python -m launch.gke --config=configs/itit_large.py --workdir=gs://BUCKET/itit_large \
    --accelerator=v5litepod-256 --image=REGISTRY/itit_jax:TAG [--slices=2] [--spot] [--dry_run]
"""

import functools
import sys

from launch import hosts, slices
from launch.options import RESTARTED
from launch.start import Job, Target, main
from launch.text import here, join, yaml

CONTAINER = "jax-tpu"


def check(options):
    """A Fault if the slice is none."""
    slices.find(options.accelerator)


def script(job: Job):
    """Hands over the manifest. A JobSet of that name which has ended makes room; kubectl refuses
    where one has not, while `apply` would leave it, started or ended, and say that all is well."""
    jobset = ("jobset", job.name, "--ignore-not-found")
    ended = join(("kubectl", "get", *jobset, "-o", "jsonpath={.status.terminalState}"))
    return (
        hosts.heading(job, "launch.gke")
        + f'ended="$({ended})" || exit\n'
        + f'[ -z "$ended" ] || {join(delete(job))} || exit\n'
        + here("kubectl create -f -", yaml(manifest(job)))
    )


def delete(job: Job):
    """Ends it; the machines stay the cluster's."""
    return ("kubectl", "delete", "jobset", job.name)


def manifest(job: Job):
    """The JobSet: one job a slice, one pod a machine, all begun anew where one is lost."""
    found = slices.find(job.options.accelerator)
    # FailJob ends the whole set at once; any other end of a pod counts as a restart of it.
    refused = {"containerName": CONTAINER, "operator": "NotIn", "values": list(RESTARTED)}
    return {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {
            "name": job.name,
            "annotations": {
                "alpha.jobset.sigs.k8s.io/exclusive-topology": "cloud.google.com/gke-nodepool"
            },
        },
        "spec": {
            "failurePolicy": {
                "maxRestarts": job.options.max_restarts,
                "rules": [{"action": "FailJobSet", "onJobFailureReasons": ["PodFailurePolicy"]}],
            },
            "replicatedJobs": [
                {
                    "name": "slice",
                    "replicas": job.options.slices,
                    "template": {
                        "spec": {
                            "parallelism": found.machines,
                            "completions": found.machines,
                            "backoffLimit": 0,
                            "podFailurePolicy": {
                                "rules": [
                                    {
                                        "action": "FailJob",
                                        "onPodConditions": [],
                                        "onExitCodes": refused,
                                    }
                                ]
                            },
                            "template": {"spec": pod(job, found)},
                        }
                    },
                }
            ],
        },
    }


def pod(job, found):
    """What one machine runs. bash becomes the program, so that the signal to stop reaches it."""
    spot = {"cloud.google.com/gke-spot": "true"} if job.options.spot else {}
    tolerated = [{"key": "google.com/tpu", "operator": "Exists"}]
    if spot:
        tolerated.append({"key": "cloud.google.com/gke-spot", "operator": "Exists"})
    return {
        "restartPolicy": "Never",
        "hostNetwork": True,
        "dnsPolicy": "ClusterFirstWithHostNet",
        "terminationGracePeriodSeconds": job.options.grace,
        "nodeSelector": {
            "cloud.google.com/gke-tpu-accelerator": found.kind.gke,
            "cloud.google.com/gke-tpu-topology": found.topology,
            **spot,
        },
        "tolerations": tolerated,
        "containers": [
            {
                "name": CONTAINER,
                "image": job.options.image,
                "command": ["bash", "-c", unexpanded(hosts.once(job))],
                "ports": [{"containerPort": 8471}, {"containerPort": 8080}],
                "resources": {"limits": {"google.com/tpu": found.a_machine}},
                "securityContext": {"privileged": True},
                "volumeMounts": [{"mountPath": "/dev/shm", "name": "shared-memory"}],
            }
        ],
        "volumes": [{"name": "shared-memory", "emptyDir": {"medium": "Memory"}}],
    }


def unexpanded(command):
    """The command as Kubernetes hands it on: there $(NAME) means a variable, and $$ is $."""
    return command.replace("$", "$$")


TARGET = Target(
    name="launch.gke",
    help="TPUs of a Kubernetes cluster: a JobSet.",
    takes=("accelerator", "slices", "image", "spot", "data", "no_plan", "grace"),
    needs=("accelerator", "image"),
    tools=("kubectl",),
    script=script,
    delete=delete,
    check=check,
    topology=slices.planned,
)
main = functools.partial(main, TARGET)

if __name__ == "__main__":
    sys.exit(main())
