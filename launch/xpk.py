"""TPUs of a cluster that xpk made: prints or runs `xpk workload create`.

python -m launch.xpk --config=configs/itit_large.py --workdir=gs://BUCKET/itit_large \
    --accelerator=v5litepod-256 --cluster=NAME --image=REGISTRY/itit_jax:TAG \
    [--project=P] [--zone=Z] [--slices=2] [--spot] [--dry_run]
"""

import functools
import sys

from launch import hosts, slices
from launch.gke import unexpanded
from launch.start import Job, Target, main
from launch.text import join


def check(options):
    """A Fault if the slice is none."""
    slices.find(options.accelerator)


def script(job: Job):
    """One command. xpk puts --command into a line of a manifest as it is; it starts again after
    signals by itself, and after 42 where that is said."""
    options = job.options
    words = [
        *("xpk", "workload", "create", f"--workload={job.name}"),
        *(f"--{name}={value}" for name, value in where(options).items()),
        f"--tpu-type={slices.find(options.accelerator).name}",
        f"--num-slices={options.slices}",
        f"--docker-image={options.image}",
        f"--max-restarts={options.max_restarts}",
        "--restart-on-exit-codes=42",
        f"--termination-grace-period-seconds={options.grace}",
        *(["--spot"] if options.spot else []),
        f"--command={unexpanded(hosts.once(job))}",
    ]
    return hosts.heading(job, "launch.xpk") + join(words) + "\n"


def where(options):
    """Cluster, project and zone, as far as they are given; xpk knows gcloud's own."""
    found = {name: getattr(options, name) for name in ("cluster", "project", "zone")}
    return {name: value for name, value in found.items() if value}


def delete(job: Job):
    """Ends it; the machines stay the cluster's."""
    flags = (f"--{name}={value}" for name, value in where(job.options).items())
    return ("xpk", "workload", "delete", f"--workload={job.name}", *flags)


TARGET = Target(
    name="launch.xpk",
    help="TPUs of a cluster that xpk made.",
    takes=(
        "accelerator",
        "slices",
        "cluster",
        "image",
        "project",
        "zone",
        "spot",
        "data",
        "no_plan",
        "grace",
    ),
    needs=("accelerator", "cluster", "image"),
    tools=("xpk",),
    script=script,
    delete=delete,
    check=check,
    topology=slices.planned,
)
main = functools.partial(main, TARGET)

if __name__ == "__main__":
    sys.exit(main())
