"""Whether a config fits chips, how fast a step can be and what the run costs, before any is rented.

python -m itit_jax.main --config=configs/itit_large.py --mode=plan --topology=v5e:16x16

What is counted takes seconds and runs anywhere. With libtpu the very step that training runs is
compiled for those chips too, which alone tells the temporaries and so whether it fits.
"""

import json
import os
import sys
import time

os.environ.setdefault("JAX_PLATFORMS", "cpu")  # before JAX looks for a TPU that need not be there

import jax

from data_pipelines.errors import UserError
from data_pipelines.files import whole
from itit_jax import sharding
from itit_jax.planner import costs
from itit_jax.planner import topology as chips
from itit_jax.planner.collectives import BETWEEN_SLICES, collectives
from itit_jax.program import describe

GIB = chips.GIB
SPARE = 0.98  # of the memory; the rest is the system's
MENDS = "raise mesh.fsdp, lower data.rows, or take mesh.remat=full"
UNCOMPILED = "pip install 'itit_jax[tpu]' to compile the step, which tells the temporaries"


def run(config, workdir, topology, out="", price=None, compiled=True):
    """Prints the plan, and leaves it in a file. topology: of planner.topology."""
    del workdir
    plan = make(config, topology, price, compiled)
    print(text(plan))
    if out:
        with whole(out, "w") as file:
            json.dump(plan, file, indent=1)
            file.write("\n")
    return 0


def make(config, topology, price=None, compiled=True):
    """The plan as a dict."""
    size = config.mesh
    mesh = sharding.abstract_mesh(size.data, size.fsdp, size.tensor, count=topology.devices)
    if mesh.shape["data"] % topology.slices:
        raise UserError(
            f"mesh.data is {mesh.shape['data']}, which {topology.slices} slices do not divide; as "
            "they hold whole replicas, make it a multiple of them."
        )
    program = describe(config, mesh=mesh)
    terms, given = costs.flops(program), costs.arguments(program)
    work = costs.total(terms) + costs.recomputed(terms, size.remat)
    price = topology.chip.price if price is None else price
    bytes_given = sum(given.values())
    about = bytes_given + costs.working(program, costs.kept(program))
    compiled = compile_step(config, topology) if compiled else None
    memory = fit(topology, bytes_given, about, compiled)
    roof = costs.roofline(program, topology, work, sent(compiled))
    return {
        "recipe": config.recipe,
        "topology": topology.name,
        "slices": topology.slices,
        "chips": topology.chips,
        "mesh": dict(mesh.shape),
        "parameters": costs.parts(program),
        "flops": terms,
        "flops_total": costs.total(terms),
        "flops_recomputed": work - costs.total(terms),
        "bytes_a_device": given | memory,
        "roofline_seconds": roof._asdict(),
        **speed(config, topology, costs.total(terms), roof, price),
        "rows": costs.rows(program),
        "assumptions": assumptions(topology, price),
    }


def speed(config, topology, work, roof, price):
    """Step, utilisation, hours and dollars, each from the best to what is usual."""
    binds, best = roof.longest
    usual = max(roof.compute / costs.REACHED, *(value or 0 for value in roof[1:]))
    steps = [best, usual]
    hours = [seconds * config.train.steps / 3600 for seconds in steps]
    peak = topology.chips * topology.chip.flops
    return {
        "binds": binds,
        "step_seconds": steps,
        "model_flops_utilisation": [work / (seconds * peak) for seconds in steps],
        "hours": hours,
        "price_a_chip_hour": price,
        "dollars": None if price is None else [price * topology.chips * one for one in hours],
    }


def fit(topology, given, about, compiled):
    """What a device holds beside what it has. about: all bytes by rule of thumb, costs.working.
    fits: None where only the compiler can tell."""
    memory = topology.chip.memory // topology.chip.devices
    peak = compiled["peak"] if compiled else None
    left = int(SPARE * memory) - (given if peak is None else peak)
    fits = None if peak is None and left >= 0 else left >= 0
    told = {"arguments": given, "estimated": about, "memory": memory, "left": left, "fits": fits}
    return told | {"compiled": compiled}


def compile_step(config, topology):
    """Bytes a device of the step that training runs, by the compiler of those chips; None where
    that is not here."""
    if not chips.can_compile(topology):
        return None
    print(
        "compiling the step: minutes to an hour, --quick does without", file=sys.stderr, flush=True
    )
    begin = time.monotonic()
    compiled = describe(config, chips.devices(topology)).lower().compile()
    found = compiled.memory_analysis()
    # Without a peak of its own: all that is given, made and kept at once.
    sizes = (found.argument_size_in_bytes, found.temp_size_in_bytes, found.output_size_in_bytes)
    peak = getattr(found, "peak_memory_in_bytes", 0) or sum(sizes) - found.alias_size_in_bytes
    return {
        "arguments": found.argument_size_in_bytes,
        "temporaries": found.temp_size_in_bytes,
        "peak": peak,
        "collectives": collectives(compiled.as_text()),
        "seconds": round(time.monotonic() - begin, 1),
        "jax": jax.__version__,
    }


def sent(compiled):
    """(bytes to the own slice, to other slices) of a compiled step and device; or None."""
    if not compiled:
        return None
    count = {kind: found["bytes"] for kind, found in compiled["collectives"].items()}
    outer = count.pop(BETWEEN_SLICES, 0)
    return sum(count.values()), outer


def assumptions(topology, price):
    """What the figures stand on."""
    chip = topology.chip
    told = [
        f"a {topology.kind} chip has {chip.flops / 1e12:g} TFLOP/s in bfloat16, "
        f"{chip.memory / GIB:g} GiB at {chip.memory_bandwidth / 1e9:g} GB/s, of which "
        f"{1 - SPARE:.0%} is the system's, and {chip.links / 1e9:g} GB/s each way over all links "
        "(as published, not measured)",
        "FLOPs are those of matrix products and convolutions; remat=full computes each block of "
        "which there are gradients once more, but for its last product",
        "memory: state read and written once, frozen parts and batch read once; links: what the "
        "compiled step sends; without one at least parameters gathered twice and gradients summed "
        "once (mesh.tensor not counted); all links at once, and nothing hidden behind products",
        f"the best step is as long as what binds takes; the usual one reaches {costs.REACHED:.0%} "
        "of the peak of the products",
        "temporaries, where nothing is compiled: what the forward pass keeps, gradients, and the "
        "trained parameters gathered once",
        "no time for evaluation, saves, preemptions and compiling",
    ]
    if price is not None:
        told.append(f"${price:g} an hour a chip: by --price, or a list price from memory")
    if topology.slices > 1 and chip.network is None:
        told.append(f"the network between slices of {topology.kind} is not known and not counted")
    return told


# ---- as text -------------------------------------------------------------------------------------


def text(plan):
    """The plan for people."""
    memory = plan["bytes_a_device"]
    shape = " x ".join(f"{name} {size}" for name, size in plan["mesh"].items())
    lines = [
        f"{plan['recipe']} on {plan['slices']} x {plan['topology']}: {plan['chips']} chips, {shape}"
    ]
    lines += ["", "parameters"]
    for name, part in plan["parameters"].items():
        kind = "trained" if part["trained"] else "frozen"
        lines.append(f"  {name:24}{part['parameters']:>16,}  {kind}")
    lines += ["", f"GFLOP a step of {plan['rows']} rows           forward        backward"]
    for name, term in plan["flops"].items():
        lines.append(f"  {name:24}{term['forward'] / 1e9:>16,.1f}{term['backward'] / 1e9:>16,.1f}")
    lines += [f"  {'all':24}{plan['flops_total'] / 1e9:>16,.1f}"
              f"  and {plan['flops_recomputed'] / 1e9:,.1f} computed again", ""]  # fmt: skip
    lines += ["GiB a device"]
    for name in ("parameters", "optimizer", "average", "frozen parts", "batch"):
        lines.append(f"  {name:24}{memory[name] / GIB:>16.3f}")
    lines += [*_memory(memory), *_sent(memory["compiled"]), "", "seconds a step at least"]
    for name, seconds in plan["roofline_seconds"].items():
        shown = "not counted" if seconds is None else f"{seconds:.3g}"
        lines.append(f"  {name:24}{shown:>16}{'  binds' if name == plan['binds'] else ''}")
    lines += ["", *_run(plan), "", *(f"assumed: {told}" for told in plan["assumptions"])]
    return "\n".join(lines)


def _memory(memory):
    compiled, of = memory["compiled"], f"of {memory['memory'] / GIB:.2f}"
    what, most = ("at the peak of the step", compiled["peak"]) if compiled else (
        "all these", memory["arguments"]
    )  # fmt: skip
    lines = [f"  {what:24}{most / GIB:>16.3f}  {of}"]
    left, needed = abs(memory["left"]) / GIB, (memory["estimated"] - memory["arguments"]) / GIB
    told = {
        True: f"fits, {left:.2f} GiB are left",
        False: f"lacks {left:.2f} GiB: {MENDS}",
        None: f"{left:.2f} GiB are left for temporaries, which take about {needed:.2f}; "
        f"{UNCOMPILED}",
    }[memory["fits"]]
    return [*lines, f"  {told}"]


def _sent(compiled):
    """Lines of what the compiled step sends."""
    if not compiled:
        return
    yield from ("", "sent in a step          times             GiB a device")
    for kind, found in compiled["collectives"].items():
        yield f"  {kind:20}{found['count']:>8,}{found['bytes'] / GIB:>16.3f}"


def _long(hours):
    if hours < 1:
        return f"{hours * 60:.2g} minutes"
    return f"{hours:,.0f} hours" if hours >= 100 else f"{hours:.3g} hours"


def _run(plan):
    best, usual = plan["step_seconds"]
    used, reached = plan["model_flops_utilisation"]
    lines = [
        f"a step takes {best:.3g} to {usual:.3g} s: {used:.0%} to {reached:.0%} of the chips' peak",
        "the run takes {} to {}".format(*map(_long, plan["hours"])),
    ]
    if plan["dollars"]:
        lines[-1] += ", ${:,.2f} to ${:,.2f}".format(*plan["dollars"])
    return lines
