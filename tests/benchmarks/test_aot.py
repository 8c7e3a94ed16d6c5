"""What is reported of a compiled step, on one small enough to know by hand."""

import types

import jax
import jax.numpy as jnp

from benchmarks import aot


def test_devices_by_the_name_cpu_are_those_that_are_here():
    assert aot.devices_of("cpu", slices=1) == jax.devices()


def test_parameters_and_bytes_are_those_of_the_described_step(monkeypatch):
    trained, frozen = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((8, 4), (4, 2)))
    step = jax.jit(lambda x, y: x @ y)
    program = types.SimpleNamespace(
        state=types.SimpleNamespace(params={"a": trained}),
        frozen={"b": frozen},
        lower=lambda: step.lower(trained, frozen),
    )
    monkeypatch.setattr(aot, "describe", lambda config, devices: program)
    found = aot.compile_step(None, devices=jax.devices()[:1])
    assert (found["devices"], found["trained_parameters"], found["frozen_parameters"]) == (1, 32, 8)
    assert found["argument_bytes_a_device"] == 4 * (32 + 8)
    assert found["lower_seconds"] >= 0 and found["compile_seconds"] >= 0
