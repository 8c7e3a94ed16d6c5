"""GPUs of a SLURM cluster: prints or submits a batch job.

python -m launch.slurm --config=configs/itit_large.py --workdir=/shared/runs/itit_large \
    --accelerator=h100:8 [--slices=2] [--zone=PARTITION] [--project=ACCOUNT] [--hours=24] \
    [--cores=8]
"""

import functools
import sys

from launch import hosts
from launch.options import Fault
from launch.start import Job, Target, main
from launch.text import here, join, quote

# The signal to stop goes to every process; bash is to outlive the program, not to end it. A code
# that no new start helps against is written down.
TASK = (
    'trap : TERM; "$@"; code=$?; '
    f'[ "$code" -eq 0 ] || {{ {hosts.AGAIN}; }} || echo "$code" > "$0"; exit "$code"'
)


def check(options):
    """A Fault if the GPUs are not counted, or the workdir is not for all machines."""
    if not gpus(options).isdecimal():
        raise Fault(f"--accelerator={options.accelerator} has no number of GPUs; write h100:8.")
    if not options.workdir.startswith(("/", "gs://")):
        raise Fault(
            f"--workdir={options.workdir} is another folder on every machine; give /FOLDER of a "
            "shared disk."
        )


def gpus(options):
    """GPUs of one machine, as text."""
    return options.accelerator.rpartition(":")[2]


def script(job: Job):
    """Hands the batch script to SLURM."""
    return hosts.heading(job, "launch.slurm") + here("sbatch", batch(job))


def batch(job):
    """The batch script. JAX finds SLURM's processes by itself, one a GPU. When one of them ends
    by a fault, srun ends the others by a signal and tells the highest code: that of the fault is
    remembered beside. Not every srun hears from sbatch how many cores a task has."""
    options = job.options
    asked = {
        "job-name": job.name,
        "nodes": options.slices,
        "ntasks-per-node": gpus(options),
        "gpus-per-node": options.accelerator,
        "cpus-per-task": options.cores,
        "time": f"{options.hours}:00:00",
        "signal": f"TERM@{options.grace}",
        "partition": options.zone,
        "account": options.project,
    }
    return "\n".join(
        [
            "#!/bin/bash",
            *(f"#SBATCH --{name}={value}" for name, value in asked.items() if value),
            "#SBATCH --requeue",
            "#SBATCH --open-mode=append",
            'fault=".$SLURM_JOB_NAME-$SLURM_JOB_ID.fault"; rm -f "$fault"',
            f"code=0; srun --kill-on-bad-exit=1 --cpus-per-task={options.cores} \\",
            f'  bash -c {quote(TASK)} "$fault" \\',
            f"  {join(job.program())} || code=$?",
            'if [ -s "$fault" ]; then code="$(cat "$fault")"; rm "$fault"; fi',
            f'if [ "${{SLURM_RESTART_COUNT:-0}}" -lt {options.max_restarts} ] && '
            f"{{ {hosts.AGAIN}; }}; then",
            '  scontrol requeue "$SLURM_JOB_ID"',
            "fi",
            'exit "$code"',
        ]
    )


def delete(job: Job):
    """Ends it."""
    return ("scancel", "--name", job.name)


TARGET = Target(
    name="launch.slurm",
    help="GPUs of a SLURM cluster.",
    takes=("accelerator", "slices", "zone", "project", "hours", "cores", "grace"),
    needs=("accelerator",),
    tools=("sbatch",),
    script=script,
    delete=delete,
    bucket=False,
    check=check,
)
main = functools.partial(main, TARGET)

if __name__ == "__main__":
    sys.exit(main())
