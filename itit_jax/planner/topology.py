"""Chips, and slices of them by the names that JAX gives topologies: v5e:16x16, v5p:4x4x8.

Numbers are of one chip, as its vendor publishes them; nobody here measured them, and links,
networks, prices, v4 and tpu7x are from memory: look them up before you rent. Nothing here needs a
TPU; `devices` needs libtpu.
"""

import difflib
import importlib.util
import math
import os
import re
from typing import NamedTuple

from data_pipelines.errors import UserError

GIB = 2**30
# libtpu asks for them, and says so at length, where there is no TPU.
MOST_CHIPS = 4096  # of a hint
QUIET = {"TPU_SKIP_MDS_QUERY": "1", "TPU_WORKER_HOSTNAMES": "localhost", "TPU_WORKER_ID": "0",
         "TPU_ACCELERATOR_TYPE": "v5litepod-8", "ALLOW_MULTIPLE_LIBTPU_LOAD": "1"}  # fmt: skip


class Chip(NamedTuple):
    """One chip. Bandwidths in bytes a second, each way; None where the vendor does not say."""

    flops: float  # bfloat16, a second
    memory: int  # bytes
    memory_bandwidth: float
    links: float  # of all links to other chips of the slice together
    network: float | None  # to other slices, its share of the network of the host
    price: float | None  # list price of an hour, in dollars
    dimensions: int  # of a slice
    devices: int = 1  # that JAX sees


CHIPS = {
    "v4": Chip(275e12, 32 * GIB, 1200e9, 300e9, None, 3.22, 3),
    "v5e": Chip(197e12, 16 * GIB, 819e9, 200e9, 3.125e9, 1.20, 2),
    "v5p": Chip(459e12, 95 * GIB, 2765e9, 600e9, 6.25e9, 4.20, 3),
    "v6e": Chip(918e12, 32 * GIB, 1638e9, 400e9, 12.5e9, 2.70, 2),
    "tpu7x": Chip(2307e12, 192 * GIB, 7380e9, 600e9, None, None, 3, devices=2),
}
# libtpu describes v4 by its cores, and a v4 machine shows JAX one device a chip.
UNCOMPILED = ("v4",)


class Topology(NamedTuple):
    """Slices of one kind of chips."""

    name: str  # as JAX wants it, without the slices
    chip: Chip
    shape: tuple[int, ...]
    slices: int = 1

    @property
    def chips(self):
        """Of all slices."""
        return math.prod(self.shape) * self.slices

    @property
    def devices(self):
        """That JAX sees."""
        return self.chips * self.chip.devices

    @property
    def kind(self):
        """Name of the chip."""
        return self.name.partition(":")[0]


def parse(text, slices=1):
    """The Topology of a text such as v5e:16x16."""
    kind, colon, shape = text.partition(":")
    if kind not in CHIPS:
        name, _, count = kind.partition("-")  # as a cloud names a slice
        near = difflib.get_close_matches(name, CHIPS, 1, 0.0)[0]
        sides = _sides(int(count) if count.isdecimal() else 16, CHIPS[near].dimensions)
        raise UserError(
            f"--topology={text} is no chip and shape; did you mean "
            f"{near}:{'x'.join(map(str, sides))}?"
        )
    chip = CHIPS[kind]
    if not colon or not re.fullmatch(rf"[1-9]\d*(x[1-9]\d*){{{chip.dimensions - 1}}}", shape):
        example = "16x16" if chip.dimensions == 2 else "4x4x8"
        raise UserError(
            f"--topology={text} has no shape of {chip.dimensions} sides; write {kind}:{example}."
        )
    return Topology(text, chip, tuple(map(int, shape.split("x"))), slices)


def _sides(chips, dimensions):
    """Powers of two about so many chips, as equal as they can be."""
    sides = [1] * dimensions
    while math.prod(sides) < min(chips, MOST_CHIPS):
        sides[sides.index(min(sides))] *= 2
    return sorted(sides)


def can_compile(topology):
    """Whether this machine has the compiler, and it describes the devices as they are."""
    return topology.kind not in UNCOMPILED and importlib.util.find_spec("libtpu") is not None


def devices(topology):
    """Devices that are described and not there, as the compiler wants them."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    from jax.experimental import topologies

    kinds = {"num_slices": topology.slices} if topology.slices > 1 else {}
    try:
        found = topologies.get_topology_desc(
            platform="tpu", topology_name=topology.name, **kinds
        ).devices
    except Exception as error:  # of libtpu, each its own
        reason = (str(error).splitlines() or [""])[0][:200]
        raise UserError(
            f"--topology={topology.name} is refused by libtpu ({reason}); take another shape."
        ) from None
    return found
