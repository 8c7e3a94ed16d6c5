"""TPU VMs and queued resources: makes them, brings the code, starts the run, and stays to make
them again when they are taken away.

python -m launch.tpu --config=configs/itit_large.py --workdir=gs://BUCKET/itit_large \
    --accelerator=v5litepod-256 --zone=Z [--project=P] [--queued] [--spot] [--dry_run]

Stopped and typed again it finds the run that goes on: that needs it only for machines that are
gone, and to hear of its end. Where the cloud or a machine does not answer for once, it asks again.
"""

import functools
import re
import sys

from launch import hosts, slices
from launch.options import Fault
from launch.start import ROOT, Job, Target, main, mark
from launch.text import join, quote

FOLDER = "itit_jax"  # in the home of each machine
# What a machine says of its last run: which one it was, and its exit code, dead or running.
SAYS = (
    f"cd {FOLDER} 2> /dev/null || {{ echo none; exit; }}; "
    'echo "$(cat run) $(cat ended 2> /dev/null || flock -n lock echo dead || echo running)"'
)
# Where the first machine has none that runs, what others still run is of no use.
CLEAR = '{ flock -n lock true || kill -9 -- "-$(cat group)"; }'
SCRIPT = """\
set -u
error="$(mktemp)"
create() { @CREATE@; }
delete() { @DELETE@; }
state() {  # as the cloud calls it, ABSENT, or UNKNOWN where it does not answer
  @STATE@ 2> "$error" && return
  if grep -q NOT_FOUND: "$error"; then echo ABSENT; else cat "$error" >&2; echo UNKNOWN; fi
}
on_all() { @ON_ALL@ --command="$1"; }
on_first() { @ON_FIRST@ --command="$1"; }
end() {
  echo @NAME@ "$2"
  [ "$1" -eq 0 ] || on_first @LOG@
  @AT_END@
  exit "$1"
}
failed() {
  trouble=$((trouble + 1))
  [ "$trouble" -lt 10 ] || end 1 "cannot be reached, or not be begun"
}
bring() {
  code_file="$(mktemp -d)/code.tgz"
  tar -czf "$code_file" --exclude=__pycache__ @SENT@ &&
  @COPY@ &&
  on_all @INSTALL@ &&
  on_all @RUN@
}
enough() {
  [ "$begun" -le @RESTARTS@ ] || end 1 "was begun $begun times, as often as --max_restarts allows"
}
begin() {
  enough
  whole=no
  bring || { failed; return; }
  echo @STARTED@
  begun=$((begun + 1)) whole=yes ours=yes trouble=0
}

there=""  # whether there are machines, as far as was heard
ours=no whole=yes begun=0 trouble=0
while true; do
  case "$(state)" in
    UNKNOWN) [ -n "$there" ] || exit 1 ;;
    ABSENT)
      [ "$there" != yes ] || { echo "the machines of @NAME@ were deleted"; exit 1; }
      there=no
      create || [ "$begun" -gt 0 ] || [ "$(state)" != ABSENT ] || exit 1 ;;
    @GONE@)
      enough
      echo "the machines were taken away; they are made again"
      there=no ours=no whole=yes trouble=0
      delete ;;
    DELETING) there="${there:-no}" ;;
    @READY@)
      there=yes
      says="$(on_first @SAYS@)"
      case "$says $ours $whole" in
        " $ours $whole") failed ;;
        "@ID@ running no yes") echo @STARTED@; ours=yes ;;
        "@ID@ running yes yes") trouble=0 ;;
        "@ID@ running "*) begin ;;
        *" running "*) echo @OTHER@ >&2; exit 2 ;;
        "@ID@ "[0-9]*" yes yes") code="${says#* }"; end "$code" "ended with exit code $code" ;;
        *) begin ;;
      esac ;;
    *) there=yes ;;
  esac
  sleep 30
done
"""


def check(options):
    """A Fault if the slice is none, or if several are asked for at once."""
    slices.find(options.accelerator)
    if options.slices > 1 and not options.queued:
        raise Fault(f"--slices={options.slices} come together from the queue only; add --queued.")


def script(job: Job):
    """From nothing to a run that goes on."""
    queued, give_back = job.options.queued, join(delete(job))
    stop = f"{job.name} runs. To stop it and give everything back: {give_back}"
    other = (
        f"launch.tpu: another run is alive on the machines of {job.name}, or the same with other "
        f"flags; give another --name, or stop that one first: {give_back}"
    )
    return hosts.heading(job, "launch.tpu") + filled(
        NAME=job.name,
        ID=identity(job),
        CREATE=join(create(job)),
        DELETE=give_back,
        STATE=join(gcloud(job, "describe", f"--format=value({'state.' * queued}state)")),
        ON_ALL=join(gcloud(job, "ssh", *all_machines(queued))),
        ON_FIRST=join(gcloud(job, "ssh", "--worker=0")),
        SAYS=quote(SAYS),
        LOG=quote(f"tail -n 20 {FOLDER}/log.txt"),
        AT_END="delete" if job.options.sweep else ": the machines are left as they are",
        SENT=join(("-C", str(ROOT), *hosts.SENT)),
        COPY=copy(job),
        INSTALL=quote(f"mkdir -p {FOLDER} && cd {FOLDER} && {install()}"),
        RUN=quote(f"cd {FOLDER} && {CLEAR} && {run(job)}"),
        STARTED=quote(stop),
        OTHER=quote(other),
        RESTARTS=str(job.options.max_restarts),
        READY="ACTIVE" if queued else "READY",
        GONE="FAILED|SUSPENDING|SUSPENDED" if queued else "PREEMPTED|TERMINATED|STOPPED",
    )


def identity(job):
    """What tells this run from another, or from itself with other flags."""
    return mark(join(job.arguments))


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
    """The command that begins the run on a machine, where it goes on when nobody is logged in: it
    inherits the lock."""
    lines = f'{hosts.loop(job, hosts.PYTHON)}echo "$code" > ended.part && mv ended.part ended\n'
    alone = f"flock -w 10 9 && rm -f ended && echo {identity(job)} > run"
    loose = f"setsid nohup bash -c {quote(lines)} >> log.txt 2>&1 < /dev/null & echo $! > group"
    return f"({alone} && {{ {loose}; }}) 9>> lock"


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
