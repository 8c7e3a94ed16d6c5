"""Mesh, remat and batch of a config on given chips: what fits by count, the fastest first.

python -m itit_jax.main --config=configs/itit_large.py --mode=plan --topology=v5e:16x16 --search

Nothing is compiled, so that hundreds of settings take a minute or two; a plan without --search
compiles the one that you like. mesh.tensor stays as it is: what it sends is not counted.
"""

import json
import sys
from typing import NamedTuple

from data_pipelines.errors import UserError
from data_pipelines.files import whole
from itit_jax import config as settings
from itit_jax import sharding
from itit_jax.planner import costs, plan
from itit_jax.program import describe
from itit_jax.recipes import base

REMATS = ("none", "dots", "full")
SCALES = (0.25, 0.5, 1, 2, 4)  # times the rows of the config
SHOWN = 6  # of each table


class Found(NamedTuple):
    """One setting. Bytes of a device are estimated; seconds from the best to what is usual."""

    data: int
    fsdp: int
    remat: str
    rows: dict[str, int]  # {stream: of one global step}
    bytes: int
    fits: bool
    step_seconds: list[float]
    model_flops_utilisation: list[float]
    binds: str

    @property
    def speed(self):
        """Rows a second, (as is usual, at best)."""
        best, usual = self.step_seconds
        return sum(self.rows.values()) / usual, sum(self.rows.values()) / best

    @property
    def order(self):
        """Fast before slow; where that is equal, little computed again, and then few bytes."""
        return (*(-speed for speed in self.speed), REMATS.index(self.remat), self.bytes)


def run(config, topology, out="", price=None):
    """Prints the fastest that fit, and leaves all in a file."""
    found = search(config, topology)
    fitting = sorted((one for one in found if one.fits), key=lambda one: one.order)
    if not found:
        raise UserError(
            f"no mesh of {topology.devices} devices divides data.rows, not even four times as many;"
            " make the rows a multiple of the devices, or take a smaller slice."
        )
    print(text(config, topology, fitting, len(found), price))
    if out:
        with whole(out, "w") as file:
            json.dump(
                [one._asdict() for one in [*fitting, *(x for x in found if not x.fits)]], file
            )
            file.write("\n")
    return 0 if fitting else 2


def search(config, topology):
    """Every Found."""
    left = {}
    for remat in REMATS:
        print(f"counting what mesh.remat={remat} keeps", file=sys.stderr, flush=True)
        left[remat] = costs.kept(on_one(settings.override(config, [f"mesh.remat={remat}"])))
    found = []
    for scale in SCALES:
        rows = {name: count * scale for name, count in config.data.rows.to_dict().items()}
        if any(count % config.train.accumulate for count in rows.values()):
            continue
        scaled = settings.override(config, [f"data.rows.{n}={int(c)}" for n, c in rows.items()])
        program = on_one(scaled)
        for mesh in meshes(config, topology, base.rows(program.recipe)):
            placed = program.on(mesh)
            found += [of(placed, topology, remat, left[remat] * scale) for remat in REMATS]
    return found


def on_one(config):
    """The program of a config on one device."""
    return describe(config, mesh=sharding.abstract_mesh(1, 1, 1, count=1))


def meshes(config, topology, rows):
    """Those of all devices over which the rows divide, and whose slices hold whole replicas."""
    tensor = max(config.mesh.tensor, 1)
    ways, rest = divmod(topology.devices, tensor)
    if rest or any(count % (ways * config.train.accumulate) for count in rows.values()):
        return
    for fsdp in range(1, ways + 1):
        if ways % fsdp == 0 and (ways // fsdp) % topology.slices == 0:
            yield sharding.abstract_mesh(ways // fsdp, fsdp, tensor, count=topology.devices)


def of(program, topology, remat, left):
    """The Found of a program, whose forward pass leaves so many bytes of all devices."""
    terms = costs.flops(program)
    work = costs.total(terms) + costs.recomputed(terms, remat)
    roof = costs.roofline(program, topology, work)
    told = plan.speed(program.config, topology, costs.total(terms), roof, None)
    needed = sum(costs.arguments(program).values()) + costs.working(program, left)
    memory = topology.chip.memory // topology.chip.devices
    return Found(
        data=program.mesh.shape["data"],
        fsdp=program.mesh.shape["fsdp"],
        remat=remat,
        rows=base.rows(program.recipe),
        bytes=needed,
        fits=needed <= plan.SPARE * memory,
        step_seconds=told["step_seconds"],
        model_flops_utilisation=told["model_flops_utilisation"],
        binds=told["binds"],
    )


# ---- as text -------------------------------------------------------------------------------------


def text(config, topology, fitting, tried, price):
    """The fastest for people, and what to type for the first of them."""
    lines = [
        f"{config.recipe} on {topology.slices} x {topology.name}: "
        f"{len(fitting)} of {tried} settings fit by count"
    ]
    if not fitting:
        return f"{lines[0]}; take more chips, or chips of more memory."
    price = topology.chip.price if price is None else price
    own = [one for one in fitting if all(config.data.rows[n] == c for n, c in one.rows.items())]
    others = [one for one in fitting if one not in own]
    for title, some in (("rows as they are", own), ("other rows", others)):
        if some:
            lines += ["", title, *table(some[:SHOWN], topology, price)]
    lines += [
        "",
        "GiB a device are a rule of thumb: arguments, what the forward pass keeps, gradients and "
        "parameters gathered once; without --search the compiler tells",
        "the usual step reaches so little of the peak as plans assume; other rows are another "
        "training: mind the learning rate",
    ]
    return "\n".join(lines)


def table(some, topology, price):
    """Lines of a table, and what to type for its first row."""
    head = ("rows", "data", "fsdp", "remat", "GiB", "seconds a step", "of the peak", "rows/s")
    yield "{:>8}{:>6}{:>6}{:>7}{:>8}{:>22}{:>15}{:>22}".format(*head) + "  binds"
    for one in some:
        best, usual = one.step_seconds
        used, reached = one.model_flops_utilisation
        slow, fast = one.speed
        yield (
            f"{sum(one.rows.values()):>8,}{one.data:>6}{one.fsdp:>6}{one.remat:>7}"
            f"{one.bytes / plan.GIB:>8.2f}{f'{best:.3g} to {usual:.3g}':>22}"
            f"{f'{reached:.0%} to {used:.0%}':>15}{f'{slow:,.0f} to {fast:,.0f}':>22}  {one.binds}"
        )
    first = some[0]
    keys = {"mesh.data": first.data, "mesh.fsdp": first.fsdp, "mesh.remat": first.remat}
    yield f"first: {' '.join(f'--config.{name}={value}' for name, value in keys.items())}"
    if price:
        slow, fast = (price * topology.chips / 3600 / rate * 1e6 for rate in first.speed)
        yield f"a million rows of it cost ${fast:,.2f} to ${slow:,.2f}"
