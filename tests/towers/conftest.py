"""What tests of published towers share."""

import pytest
from safetensors.numpy import load_file

from itit_jax.towers import published as towers
from itit_jax.weights import load as weights
from tests.towers.folders import GOLDEN


@pytest.fixture(scope="session")
def open_clip(tmp_path_factory):
    """A file of open_clip."""
    _, module = towers.describe(GOLDEN / "clip_small")
    file = tmp_path_factory.mktemp("open_clip") / "x.safetensors"
    weights.save(towers.load_params(GOLDEN / "clip_small", module), "open_clip", file)
    assert load_file(file)
    return file
