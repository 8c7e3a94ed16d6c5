"""The trainer's light path never loads TensorFlow; settings and what tests share never load JAX."""

import subprocess
import sys

import pytest

LIGHT = (
    "itit_jax.train, itit_jax.evaluation.run, itit_jax.evaluation.images, itit_jax.encode, "
    "itit_jax.serve.session, data_pipelines.build, data_pipelines.streams"
)

HEAVY = ("tensorflow", "seqio", "torch", "transformers", "diffusers", "huggingface_hub")


@pytest.mark.parametrize(
    "modules, forbidden",
    [
        (LIGHT, HEAVY),
        ("itit_jax.main, itit_jax.config", ("jax",)),
        ("tests.conftest", ("jax", "orbax")),  # `make test-beam` has neither
    ],
)
def test_importing_does_not_load(modules, forbidden):
    code = f"import sys; import {modules}; print([m for m in {forbidden!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
