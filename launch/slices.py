"""TPU slices by the names that the cloud gives them.

v4 and v5p count two cores a chip, v5litepod and v6e chips. Four chips are on a machine, or all of a
smaller slice; the single v5litepod-8 and v6e-8 of eight chips are two machines in Kubernetes.
"""

import difflib
from typing import NamedTuple

from launch.options import Fault

FLAT = {1: "1x1", 4: "2x2", 8: "2x4", 16: "4x4", 32: "4x8", 64: "8x8", 128: "8x16", 256: "16x16"}
CUBES = {4: "2x2x1", 8: "2x2x2", 16: "2x2x4", 32: "2x4x4", 64: "4x4x4", 128: "4x4x8",
         256: "4x8x8", 512: "8x8x8", 1024: "8x8x16", 2048: "8x16x16"}  # fmt: skip


class Kind(NamedTuple):
    """What is one for all sizes of a chip."""

    counted: int  # what the name counts of a chip
    shapes: dict[int, str]  # {chips: topology}
    gke: str  # cloud.google.com/gke-tpu-accelerator
    runtime: str  # software of a TPU VM


KINDS = {
    "v4": Kind(2, CUBES, "tpu-v4-podslice", "tpu-ubuntu2204-base"),
    "v5litepod": Kind(1, FLAT, "tpu-v5-lite-podslice", "v2-alpha-tpuv5-lite"),
    "v5p": Kind(2, CUBES, "tpu-v5p-slice", "v2-alpha-tpuv5"),
    "v6e": Kind(1, FLAT, "tpu-v6e-slice", "v2-alpha-tpuv6e"),
}


class Slice(NamedTuple):
    """One slice: its chips, how they lie, and on how many machines."""

    name: str
    kind: Kind
    chips: int
    topology: str

    @property
    def planned(self):
        """What planning calls it, such as v5e:16x16."""
        kind = self.name.partition("-")[0]
        return f"{SHORT.get(kind, kind)}:{self.topology}"

    @property
    def a_machine(self):
        """Chips of one machine."""
        return min(self.chips, 4)

    @property
    def machines(self):
        """Machines of the slice."""
        return self.chips // self.a_machine


SLICES = {
    f"{kind}-{chips * told.counted}": Slice(f"{kind}-{chips * told.counted}", told, chips, shape)
    for kind, told in KINDS.items()
    for chips, shape in told.shapes.items()
}
# As planning calls them, v5e:16x16, and as people do, v5e-256.
SHORT = {"v5litepod": "v5e"}
OTHERS = {
    short: found
    for name, found in SLICES.items()
    for kind, _, count in [name.partition("-")]
    for short in (f"{SHORT.get(kind, kind)}-{count}", found.planned)
}


def find(name):
    """The slice of that name, or a Fault with the nearest."""
    if found := SLICES.get(name) or OTHERS.get(name):
        return found
    near = difflib.get_close_matches(name, [*SLICES, *OTHERS], 1, 0.0)[0]
    raise Fault(f"--accelerator={name} is no TPU slice that is known here; did you mean {near}?")


def planned(options):
    """The slice that options ask for, as a plan names it."""
    return find(options.accelerator).planned
