"""TPU slices: names, chips, machines."""

import math

import pytest

from itit_jax.planner import topology
from launch import slices
from launch.options import Fault


def test_a_topology_holds_the_chips_and_machines_of_its_name():
    for name, found in slices.SLICES.items():
        kind, _, count = name.partition("-")
        assert math.prod(map(int, found.topology.split("x"))) == found.chips
        assert int(count) == found.chips * (2 if kind in ("v4", "v5p") else 1)
        assert found.machines * found.a_machine == found.chips and found.a_machine in (1, 4)


# Of xpk 1.16: topology, machines, accelerator.
XPK = {
    "v4-8": ("2x2x1", 1, "tpu-v4-podslice"),
    "v4-64": ("2x4x4", 8, "tpu-v4-podslice"),
    "v4-1024": ("8x8x8", 128, "tpu-v4-podslice"),
    "v5litepod-8": ("2x4", 2, "tpu-v5-lite-podslice"),
    "v5litepod-256": ("16x16", 64, "tpu-v5-lite-podslice"),
    "v5p-8": ("2x2x1", 1, "tpu-v5p-slice"),
    "v5p-256": ("4x4x8", 32, "tpu-v5p-slice"),
    "v5p-2048": ("8x8x16", 256, "tpu-v5p-slice"),
    "v6e-1": ("1x1", 1, "tpu-v6e-slice"),
    "v6e-32": ("4x8", 8, "tpu-v6e-slice"),
}


@pytest.mark.parametrize("name", XPK)
def test_a_slice_is_the_one_that_xpk_knows_by_that_name(name):
    found = slices.find(name)
    assert (found.topology, found.machines, found.kind.gke) == XPK[name]


def test_short_names_and_those_of_planning_mean_the_same():
    assert slices.find("v5e-256") == slices.find("v5e:16x16") == slices.find("v5litepod-256")
    assert slices.find("v4:8x8x8").name == "v4-1024"
    for found in slices.SLICES.values():
        chips = topology.parse(found.planned).chips
        assert chips == found.chips


@pytest.mark.parametrize("name, near", [("v5litepod-250", "v5litepod-256"), ("v6-8", "v6e-8")])
def test_an_unknown_slice_is_told_with_the_nearest(name, near):
    with pytest.raises(Fault, match=f"did you mean {near}?"):
        slices.find(name)
