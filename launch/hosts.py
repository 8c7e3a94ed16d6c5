"""What a host does, in bash: install, fetch the data, run the program, run it again."""

from launch import start
from launch.text import join, quote

PYTHON = ".venv/bin/python"
SENT = ("setup.py", "requirements", "configs", "data_pipelines", "itit_jax", "launch")
AGAIN = '[ "$code" -eq 42 ] || [ "$code" -ge 128 ]'  # stopped on purpose, or by a signal
COPY = "import fsspec, sys; fsspec.filesystem('gcs').get(*sys.argv[1:], recursive=True)"


def heading(job, target):
    """First line of a script."""
    machines = f"{job.options.slices} x {job.options.accelerator}"
    return f"# {job.name} on {machines}, made by python -m {target}\n"


def install(extras):
    """Lines that make .venv in this folder. Machines bring an older Python than is needed."""
    packages = f"-c requirements/py312.txt '.[{extras}]'"
    return (
        "python3 -m pip install --quiet --user uv\n"
        f"[ -x {PYTHON} ] || python3 -m uv venv --quiet --python 3.12 .venv\n"
        f"python3 -m uv pip install --quiet --python {PYTHON} {packages}\n"
    )


def fetch(options, python="python"):
    """One command that copies the data set to this machine, unless it is there as a whole. Copies
    of others make room."""
    if not options.data:
        return "true"
    there = start.on_host(options.data)
    copy = join((python, "-c", COPY, f"{options.data}/", f"{there}.part/"))
    part = f"rm -rf {start.ON_HOST}-* && mkdir {there}.part"
    return f"{{ [ -e {there} ] || {{ {part} && {copy} && mv {there}.part {there}; }}; }}"


def once(job, python="python"):
    """One command that becomes the program, for who starts it again himself."""
    run = f"exec {join(job.program(python))}"
    return f"{fetch(job.options, python)} && {run}" if job.options.data else run


def loop(job, python="python"):
    """Lines that run the program until it is done or the user has to mend something. $code is its
    exit code; after 42 and signals a new start helps."""
    told = quote(f"--data={job.options.data} was not copied to this machine")
    data = f"  code=2; {fetch(job.options, python)} || {{ echo {told}; break; }}\n"
    return (
        f"for attempt in $(seq 0 {job.options.max_restarts}); do\n"
        f"{data if job.options.data else ''}"
        f"  code=0; {join(job.program(python))} || code=$?\n"
        f"  {{ {AGAIN}; }} || break\n"
        '  echo "exit code $code: started again in 10 s"; sleep 10\n'
        "done\n"
    )
