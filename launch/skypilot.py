"""TPUs or GPUs of any cloud that SkyPilot knows: prints or launches a managed job.

python -m launch.skypilot --config=configs/itit_large.py --workdir=gs://BUCKET/itit_large \
    --accelerator=tpu-v6e-8 [--slices=2] [--zone=Z] [--spot] [--dry_run]
"""

import functools
import sys

from launch import hosts, slices
from launch.options import Fault
from launch.start import Job, Target, main
from launch.text import here, join, yaml

PORT = 8476  # where the processes on GPUs meet
MEET = f"""\
if [ "$SKYPILOT_NUM_NODES" -gt 1 ]; then
  export JAX_COORDINATOR_ADDRESS="$(echo "$SKYPILOT_NODE_IPS" | head -n 1):{PORT}"
  export JAX_NUM_PROCESSES="$SKYPILOT_NUM_NODES" JAX_PROCESS_ID="$SKYPILOT_NODE_RANK"
fi
"""


def check(options):
    """A Fault if what is asked for cannot be."""
    if is_tpu(options):
        slices.find(options.accelerator.removeprefix("tpu-"))
        if options.slices > 1:
            raise Fault("SkyPilot has no slices that train together; take launch.gke.")
    elif not options.accelerator.rpartition(":")[2].isdecimal():
        raise Fault(f"--accelerator={options.accelerator} has no number; write h100:8.")


def is_tpu(options):
    """Whether the accelerator is a TPU slice rather than GPUs."""
    return options.accelerator.startswith(("tpu-", "v5e", *slices.KINDS))


def topology(options):
    """What planning calls the TPU slice; "" of GPUs."""
    name = options.accelerator.removeprefix("tpu-")
    return slices.find(name).planned if is_tpu(options) else ""


def script(job: Job):
    """Writes the task to a file, and launches it as a job that SkyPilot brings back where machines
    are lost."""
    file = 'task="$(mktemp -d)/task.yaml"\n' + here('cat > "$task"', yaml(task(job)))
    launch = join(("sky", "jobs", "launch", "--yes", "--detach-run", "--name", job.name))
    return f'{hosts.heading(job, "launch.skypilot")}{file}{launch} "$task"\n'


def task(job):
    """What SkyPilot reads. This folder goes along as it is, but for what .gitignore names.

    A machine begins the program anew by itself. SkyPilot could, by exit codes, but does not count
    how often, and takes those of all machines together: where one ends by a fault, it kills the
    others, and their 137 would be a reason.
    """
    options = job.options
    extras = "tpu,gcs" if is_tpu(options) else "cuda,gcs"
    meet = MEET if not is_tpu(options) else ""
    return {
        "name": job.name,
        "num_nodes": options.slices,
        "workdir": ".",
        "resources": resources(options),
        "setup": hosts.install(extras),
        "run": f'{meet}{hosts.loop(job, hosts.PYTHON)}exit "$code"\n',
    }


def resources(options):
    """Machines."""
    found = {"accelerators": options.accelerator.upper()}
    if is_tpu(options):
        tpu = slices.find(options.accelerator.removeprefix("tpu-"))
        place = [options.zone[:-2], options.zone] if options.zone else []  # region and zone
        found = {
            "infra": "/".join(["gcp", *place]),
            "accelerators": f"tpu-{tpu.name}",
            "accelerator_args": {"runtime_version": tpu.kind.runtime},
        }
    elif options.zone:
        found["infra"] = f"*/*/{options.zone}"
    return found | {"use_spot": options.spot}


def delete(job: Job):
    """Ends the job; SkyPilot gives the machines back."""
    return ("sky", "jobs", "cancel", "--yes", "--name", job.name)


TARGET = Target(
    name="launch.skypilot",
    help="TPUs or GPUs of any cloud that SkyPilot knows.",
    takes=("accelerator", "slices", "zone", "spot", "data", "no_plan"),
    needs=("accelerator",),
    tools=("sky",),
    script=script,
    delete=delete,
    check=check,
    topology=topology,
)
main = functools.partial(main, TARGET)

if __name__ == "__main__":
    sys.exit(main())
