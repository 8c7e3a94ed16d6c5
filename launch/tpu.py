"""TPU VMs and queued resources: makes them, brings the code, starts the run, and stays to make
them again when they are taken away.

python -m launch.tpu --config=configs/itit_large.py --workdir=gs://BUCKET/itit_large \
    --accelerator=v5litepod-256 --zone=Z [--project=P] [--queued] [--spot] [--dry_run]

Stopped and typed again it finds the run that goes on: that needs it only for machines that are
gone, and to hear of its end.
"""

import functools
import re
import sys

from launch import hosts, slices
from launch.options import Fault
from launch.start import ROOT, Job, Target, main
from launch.text import join, quote

FOLDER = "itit_jax"  # in the home of each machine
ENDED = "cat ended 2> /dev/null || flock -n lock echo dead || echo running"
SCRIPT = """\
set -u
create() { @CREATE@; }
delete() { @DELETE@; }
state() { @STATE@; }
gone() { case "$(state)" in @GONE@) true ;; *) false ;; esac; }
on_all() { @ON_ALL@ --command="$1"; }
ended() { @ON_FIRST@ --command=@ENDED@; }  # its exit code, running, or dead
begin() {
  code_file="$(mktemp -d)/code.tgz"
  tar -czf "$code_file" --exclude=__pycache__ @SENT@ &&
  @COPY@ &&
  on_all @INSTALL@ &&
  on_all @RUN@
}

code=1
for attempt in $(seq 0 @RESTARTS@); do
  until [ "$(state)" = @READY@ ]; do
    if gone; then delete || exit 1; fi
    [ -n "$(state)" ] || create || [ "$attempt" -gt 0 ] || exit 1
    sleep 30
  done
  [ "$(ended)" = running ] || begin || gone || exit 1
  echo @STARTED@
  silent=0
  while ! gone; do
    sleep 30
    case "$(ended)" in
      [0-9]*) code="$(ended)"; break 2 ;;
      running) silent=0 ;;
      dead) begin || gone || exit 1 ;;
      *) silent=$((silent + 1)); [ "$silent" -lt 20 ] || exit 1 ;;
    esac
  done
  echo "the machines were taken away; they are made again"
done
echo "@NAME@ ended with exit code $code"
exit "$code"
"""


def check(options):
    """A Fault if the slice is none, or if several are asked for at once."""
    slices.find(options.accelerator)
    if options.slices > 1 and not options.queued:
        raise Fault(f"--slices={options.slices} come together from the queue only; add --queued.")


def script(job: Job):
    """From nothing to a run that goes on."""
    queued = job.options.queued
    stop = f"{job.name} runs. To stop it and give everything back: {join(delete(job))}"
    return hosts.heading(job, "launch.tpu") + filled(
        NAME=job.name,
        CREATE=join(create(job)),
        DELETE=join(delete(job)),
        STATE=join(gcloud(job, "describe", f"--format=value({'state.' * queued}state)")),
        ON_ALL=join(gcloud(job, "ssh", *all_machines(queued))),
        ON_FIRST=join(gcloud(job, "ssh", "--worker=0")),
        ENDED=quote(f"cd {FOLDER} 2> /dev/null && {{ {ENDED}; }}"),
        SENT=join(("-C", str(ROOT), *hosts.SENT)),
        COPY=copy(job),
        INSTALL=quote(f"mkdir -p {FOLDER} && cd {FOLDER} && {install()}"),
        RUN=quote(f"cd {FOLDER} && rm -f ended && ({run(job)} &)"),
        STARTED=quote(stop),
        RESTARTS=str(job.options.max_restarts),
        READY="ACTIVE" if queued else "READY",
        GONE="FAILED|SUSPENDING|SUSPENDED" if queued else "PREEMPTED|TERMINATED|STOPPED",
    )


def filled(**parts):
    """The script; what stands in a part is not looked at again."""
    return re.sub(r"@([A-Z_]+)@", lambda match: parts[match[1]], SCRIPT)


def gcloud(job, verb, *flags, place=None):
    """Words of one call of gcloud about the machines of a job."""
    options = job.options
    group = "queued-resources" if options.queued else "tpu-vm"
    project = [f"--project={options.project}"] if options.project else []
    where = (f"--zone={options.zone}", *project, *flags)
    return ("gcloud", "compute", "tpus", group, verb, place or job.name, *where)


def all_machines(queued):
    """Flags that mean all of them; a queued resource may have several slices."""
    return ("--worker=all", *(["--node=all"] if queued else []))


def create(job):
    """Words that make the machines."""
    options, found = job.options, slices.find(job.options.accelerator)
    spot = ["--spot"] if options.spot else []
    version = "--runtime-version" if options.queued else "--version"
    flags = [f"--accelerator-type={found.name}", f"{version}={found.kind.runtime}", *spot]
    if options.queued and options.slices > 1:
        flags += [f"--node-count={options.slices}", f"--node-prefix={job.name}"]
    elif options.queued:
        flags += [f"--node-id={job.name}"]
    return gcloud(job, "create", *flags)


def copy(job):
    """The command that brings the code to all machines."""
    flags = all_machines(job.options.queued)
    words = gcloud(job, "scp", *flags, place=f"{job.name}:code.tgz")
    return f'{join(words[:5])} "$code_file" {join(words[5:])}'


def install():
    """Lines that unpack and install the code."""
    return f"tar -xzf ../code.tgz && {{\n{hosts.install('tpu,gcs')}}}"


def run(job):
    """The command that begins the run on a machine, where it goes on when nobody is logged in."""
    lines = f'{hosts.loop(job, hosts.PYTHON)}echo "$code" > ended\n'
    return f"setsid nohup flock -n lock bash -c {quote(lines)} >> log.txt 2>&1 < /dev/null"


def delete(job: Job):
    """Gives the machines back."""
    return gcloud(job, "delete", "--quiet", *(["--force"] if job.options.queued else []))


TARGET = Target(
    name="launch.tpu",
    help="TPU VMs, at once or from the queue.",
    takes=("accelerator", "slices", "zone", "project", "spot", "queued", "data", "no_plan"),
    needs=("accelerator", "zone"),
    tools=("gcloud",),
    script=script,
    delete=delete,
    check=check,
    topology=slices.planned,
)
main = functools.partial(main, TARGET)

if __name__ == "__main__":
    sys.exit(main())
