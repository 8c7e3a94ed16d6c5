"""Plans of the large configs on slices of TPUs, and a table of them.

python -m benchmarks.plans --out=results/plans

Each is a command that you could type; one whose file is there is not made anew, so that the same
command goes on. Counted in half a minute each; with --compile, and libtpu, the compiler tells the
temporaries too, minutes to an hour each. Writes DIR/CONFIG@TOPOLOGY.json and DIR/README.md.
"""

import json
import pathlib
import subprocess
import sys

from benchmarks.study import commit
from configs.commands import Argument, command
from data_pipelines.files import whole
from itit_jax.planner.plan import GIB

CONFIGS = ("itit_base", "itit_large", "itit_huge", "ernie_vilg_10b")
TOPOLOGIES = ("v4:8x8x8", "v5e:16x16", "v5p:4x4x8", "v6e:16x16")
HEAD = ("", "chips", "data x fsdp x tensor", "GiB a device (of)", "TFLOP a step", "seconds a step",
        "of the peak", "binds", "hours", "thousand $")  # fmt: skip
ARGUMENTS = {
    "--out": Argument("results/plans", "folder of the plans", form="DIR"),
    "--compile": Argument(False, "compile each step, where libtpu is here"),
}


@command("benchmarks.plans", "the large configs on slices of TPUs", ARGUMENTS)
def main(options):
    """Makes what is not there yet, and writes the table after each."""
    folder = pathlib.Path(options.out)
    for config in CONFIGS:
        for topology in TOPOLOGIES:
            file = folder / f"{config}@{topology}.json"
            if file.exists():
                continue
            words = words_of(config, topology, file, options.compile)
            if code := subprocess.run([sys.executable, *words[1:]]).returncode:
                return code
            with whole(folder / "README.md", "w") as table:
                table.write(page(folder))
    return 0


def words_of(config, topology, file, compiled):
    """What a user would type."""
    words = ["python", "-m", "itit_jax.main", f"--config=configs/{config}.py", "--mode=plan"]
    return [*words, f"--topology={topology}", f"--out={file}", *([] if compiled else ["--quick"])]


def page(folder):
    """The table in Markdown."""
    lines = [
        "# Plans", "",
        f"`python -m benchmarks.plans --out={folder}` at {commit()}. Nothing ran on a TPU: bytes "
        "with \"about\" are a rule of thumb (arguments, what the forward pass keeps, gradients, "
        "parameters gathered once), others the compiler's. Seconds go from the roofline to 40 % of "
        "the peak. Where nothing was compiled, links carry the least that has to be sent: frozen "
        "parts once, though a step may gather them for every pass, so that links can bind where "
        "this says compute. Prices are list prices from memory. Each file holds its assumptions.",
        "",
        f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|",
    ]  # fmt: skip
    made = {file.stem: json.loads(file.read_text()) for file in folder.glob("*@*.json")}
    order = [f"{config}@{topology}" for config in CONFIGS for topology in TOPOLOGIES]
    lines += [row(name, made[name]) for name in order if name in made]
    return "\n".join(lines) + "\n"


def row(name, plan):
    """One line of it."""
    memory, dollars = plan["bytes_a_device"], plan["dollars"]
    compiled = memory["compiled"]
    most = compiled["peak"] if compiled else memory["estimated"]
    cells = (
        name.replace("@", " on "),
        plan["chips"],
        " x ".join(map(str, plan["mesh"].values())),
        f"{'' if compiled else 'about '}{most / GIB:.2f} ({memory['memory'] / GIB:.0f})",
        f"{plan['flops_total'] / 1e12:,.0f}",
        span(plan["step_seconds"], "{:.3g}"),
        span(plan["model_flops_utilisation"][::-1], "{:.0%}"),
        plan["binds"],
        span(plan["hours"], "{:,.0f}"),
        span([value / 1000 for value in dollars], "{:,.1f}") if dollars else "",
    )
    return f"| {' | '.join(map(str, cells))} |"


def span(values, form):
    """From the first to the second."""
    return " to ".join(form.format(value) for value in values)


if __name__ == "__main__":
    sys.exit(main())
