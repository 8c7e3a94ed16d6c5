"""What is one for all targets: settings are checked here first, then a script is printed or run.

A target says which flags it takes and which script of bash starts one run. `--dry_run` prints that
very script. Before anything starts, `python -m itit_jax.main --dry_run` tells on this machine what
is wrong with the settings, and which runs a sweep has.
"""

import hashlib
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from launch.options import EVERYWHERE, LABEL, USER_FAULT, Fault, checked, help_text, nearest, parse
from launch.text import join

ROOT = pathlib.Path(__file__).parent.parent
PROGRAM = ("python", "-m", "itit_jax.main")
ON_HOST = "/tmp/itit_data"  # how copies of --data on a host begin


class Job(NamedTuple):
    """One run: its name, what itit_jax.main is told, and the flags of the launcher."""

    name: str
    arguments: tuple[str, ...]
    options: Any

    def program(self, python="python"):
        """The command, as words."""
        return (python, "-u", *PROGRAM[1:], *self.arguments)


class Target(NamedTuple):
    """One way to machines."""

    name: str
    help: str
    takes: tuple[str, ...]  # flags, besides those of all
    needs: tuple[str, ...]
    tools: tuple[str, ...]  # programs that have to be on this machine
    script: Callable[[Job], str]  # starts it
    delete: Callable[[Job], tuple[str, ...]]  # stops it and gives all back
    bucket: bool = True  # machines come and go, so that only a bucket keeps a run
    check: Callable[[Any], None] = lambda options: None
    topology: Callable[[Any], str] = lambda options: ""  # what planning calls the chips
    run: Callable[[list[Job]], int] | None = None  # instead of the script, in this process


def main(target, arguments=None):
    """Exit code of a launcher: 0, 2 where the user can mend it, or that of what was run."""
    texts = sys.argv[1:] if arguments is None else list(arguments)
    takes = (*EVERYWHERE, *target.takes)
    if {"-h", "--help"} & set(texts[: texts.index("--") if "--" in texts else None]):
        print(help_text(target.name, target.help, takes, target.needs))
        return 0
    try:
        options = parse(texts, takes)
        jobs = prepare(target, options)
        return (show if options.dry_run else start)(target, jobs)
    except Fault as fault:
        print(f"{target.name}: {fault}".replace("\n", " "), file=sys.stderr)
        return USER_FAULT


def prepare(target, options):
    """Jobs of checked options; a sweep has several."""
    for name in ("config", "workdir", *target.needs):
        if not getattr(options, name):
            raise Fault(f"--{name} is missing; give --{name}=VALUE.")
    if target.bucket and not options.workdir.startswith("gs://"):
        raise Fault(
            f"--workdir={options.workdir} is lost with the machines; give gs://BUCKET/FOLDER."
        )
    target.check(options)
    name = options.name or nearest(options.workdir.rstrip("/").rpartition("/")[2], LABEL)
    if not name:
        raise Fault("--workdir ends in nothing that a job can be called; give --name=NAME.")
    base = options.workdir.rstrip("/")
    jobs = []
    for run in runs(options, arguments_of(target, options)):
        below = next((a for a in run if a.startswith("--workdir=")), "").partition("=")[2]
        inner = below.rstrip("/").removeprefix(base).strip("/") if options.sweep else ""
        jobs.append(Job(_run_name(name, inner), run, options))
    names = [job.name for job in jobs]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise Fault(f'two runs would be called {twice}; give them a "name" in the sweep.')
    return jobs


def _run_name(name, inner):
    """Name of a job of a sweep: that of all, and that of the run."""
    whole = f"{name}-{re.sub(r'[^a-z0-9]+', '-', inner.lower()).strip('-')}" if inner else name
    try:
        return checked("name", whole)
    except Fault:
        raise Fault(
            f"the run {inner} would be called {whole}, and a job takes {LABEL.words}; shorten "
            '--name, or give the run a "name" in the sweep.'
        ) from None


def arguments_of(target, options):
    """What itit_jax.main is told, without a sweep."""
    ours = [f"--config={options.config}", f"--workdir={options.workdir}"]
    given = " ".join(options.more)
    if target.bucket and "--config.compile_cache" not in given:
        ours.append(f"--config.compile_cache={beside(options.workdir)}")
    if options.data:
        if "--config.data.path" in given:
            raise Fault("--data says where --config.data.path is; give one of them.")
        ours.append(f"--config.data.path={on_host(options.data)}")
    return (*ours, *options.more)


def on_host(address):
    """Where a host has its copy of a data set: another address is another copy."""
    return f"{ON_HOST}-{mark(address)}"


def mark(text):
    """A short word that another text does not have."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def beside(workdir):
    """Where compiled programs of runs in one place are kept for all of them."""
    return f"{workdir.rstrip('/').rpartition('/')[0]}/compiled"


def runs(options, arguments):
    """[arguments of itit_jax.main] of every run, as it says itself after its checks."""
    sweep = [f"--sweep={options.sweep}"] if options.sweep else []
    asked = [sys.executable, *PROGRAM[1:], *arguments, *sweep, "--dry_run"]
    done = subprocess.run(asked, capture_output=True, encoding="utf-8")
    last = (done.stderr.strip().splitlines() or [""])[-1]
    if done.returncode == USER_FAULT:
        raise Fault(f"{last.removeprefix('itit_jax: ')} (Nothing was started.)")
    if done.returncode and sweep:
        raise Fault(f"a sweep is read by itit_jax, which does not run here ({last}).")
    if done.returncode:
        print(f"settings are not checked: itit_jax does not run here ({last})", file=sys.stderr)
        return [tuple(arguments)]
    return commands(done.stdout)


def commands(text):
    """[arguments] of each command of the program in a script."""
    words = shlex.split(text, comments=True)
    size = len(PROGRAM)
    begin = [at for at in range(len(words)) if tuple(words[at : at + size]) == PROGRAM]
    return [tuple(words[at + size : end]) for at, end in zip(begin, [*begin[1:], len(words)])]


def plan(target, job):
    """What the program says that the run takes and costs; "" where it is not known. A Fault where
    it cannot be."""
    topology, options = target.topology(job.options), job.options
    if not topology or options.no_plan:
        return ""
    kept = [word for word in job.arguments if word.startswith(("--config", "--gin"))]
    chips = [f"--topology={topology}", f"--slices={options.slices}", "--quick"]
    asked = [sys.executable, *PROGRAM[1:], "--mode=plan", *chips, *kept]
    done = subprocess.run(asked, capture_output=True, encoding="utf-8")
    last = (done.stderr.strip().splitlines() or [""])[-1].removeprefix("itit_jax: ")
    if done.returncode == USER_FAULT:
        raise Fault(f"{last} (Nothing was started; --no_plan starts without a plan.)")
    if done.returncode:
        return f"there is no plan: itit_jax does not run here ({last})"
    return done.stdout


def show(target, jobs):
    """Prints what would run."""
    for job in jobs:
        print(target.script(job).rstrip())
        if words := target.delete(job):
            print(f"# to stop it and give everything back: {join(words)}")
    return 0


def start(target, jobs):
    """Runs it. The exit code of the first that fails, or 0."""
    for tool in target.tools:
        if shutil.which(tool) is None:
            raise Fault(
                f"{tool} is not on this machine; install it, or look at what would run with "
                "--dry_run."
            )
    if target.run:
        return target.run(jobs)
    print(plan(target, jobs[0]), flush=True)
    codes = [subprocess.run(["bash", "-c", target.script(job)]).returncode for job in jobs]
    for job in jobs:
        print(f"{job.name}: to stop it and give everything back: {join(target.delete(job))}")
    return next((code for code in codes if code), 0)
