"""Names of topologies."""

import math

import pytest

from data_pipelines.errors import UserError
from itit_jax.planner import topology


@pytest.mark.parametrize(
    "text, slices, chips, devices",
    [
        ("v5e:16x16", 1, 256, 256),
        ("v5e:16x16", 2, 512, 512),
        ("v4:8x8x8", 1, 512, 512),
        ("v5p:4x4x8", 1, 128, 128),
        ("tpu7x:2x2x1", 1, 4, 8),
    ],
)
def test_a_name_tells_chips_and_devices(text, slices, chips, devices):
    found = topology.parse(text, slices)
    assert (found.chips, found.devices) == (chips, devices)
    assert math.prod(found.shape) * slices == chips


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("v5:16x16", "did you mean v5"),
        ("v5litepod-256", "no chip and shape; did you mean v5"),
        ("v5e-256", "did you mean v5e:16x16?"), ("v4-16", "did you mean v4:2x2x4?"),
        ("v6e", "has no shape of 2 sides; write v6e:16x16"),
        ("v5e:4x4x4", "has no shape of 2 sides"),
        ("v5p:4x4", "has no shape of 3 sides; write v5p:4x4x8"),
        ("v5e:0x4", "has no shape"),
        ("v5e:four", "has no shape"),
    ],
)
def test_another_text_is_told_with_one_that_works(text, sentence):
    with pytest.raises(UserError, match=sentence):
        topology.parse(text)
