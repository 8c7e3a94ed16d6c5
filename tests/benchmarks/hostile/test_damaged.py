"""Sound files are read as they were written, so that a refusal of a damaged one means something."""

import numpy as np
import pytest

from benchmarks.hostile import damaged
from itit_jax.weights import convert


@pytest.mark.parametrize("container", damaged.WRITERS)
def test_a_sound_file_is_the_network_that_was_put_in(container, tmp_path):
    path, truth = damaged.sound(tmp_path, np.random.default_rng(3), container)
    found = convert.read(path)
    assert found.keys["text_encoder.layers"] == damaged.LAYERS
    assert found.arrays.keys() == truth.keys()
    for name, array in truth.items():
        np.testing.assert_array_equal(found.arrays[name], array)


def test_an_accident_changes_one_file(tmp_path):
    rng = np.random.default_rng(4)
    changed = 0
    for i in range(20):
        (tmp_path / str(i)).mkdir()
        path, truth = damaged.damage(tmp_path / str(i), rng, "safetensors")
        whole, _ = damaged.sound(tmp_path, np.random.default_rng(i), "safetensors")
        damaged.safetensors_files.write(
            {
                n: np.asarray(a, order="C")
                for n, a in damaged.weights.as_theirs(truth, "t5").items()
            },
            whole,
        )
        changed += path.read_bytes() != whole.read_bytes()
    assert changed >= 18  # a repetition may repeat nothing
