"""Any mesh gives the losses of one device, and parameters lie where the rules say."""

import functools

import jax
import numpy as np

from itit_jax import distributed, sharding, state
from itit_jax.program import describe
from tests import tiny

STEPS = 10


@functools.cache
def losses(data, fsdp, tensor):
    """Metrics of ten steps with both full cycles; the step is compiled once, as train does it."""
    axes = dict(mesh__data=data, mesh__fsdp=fsdp, mesh__tensor=tensor, train__steps=STEPS)
    config = tiny.itit_config(
        model__scan=True, optimizer__ema_decay=0.9, data__tokens="encoded", **axes
    )
    program = describe(config, jax.devices()[: data * fsdp * tensor])
    now = program.init(seed=0)
    every = program.recipe.init(jax.random.key(0))
    frozen = {name: every[name] for name in program.frozen}
    frozen = jax.device_put(frozen, state.places(program.frozen))
    step, rows, out = program.lower().compile(), sharding.batch_sharding(program.mesh), []
    for number in range(STEPS):
        batch = distributed.to_global(jax.device_get(tiny.batch(number)), rows)
        with jax.transfer_guard("disallow"):
            now, metrics = step(now, frozen, batch)
        out.append(jax.device_get(metrics))
    return out, now


def test_losses_equal_those_of_one_device():
    one, many = losses(1, 1, 1)[0], losses(2, 2, 2)[0]
    for alone, shared in zip(one, many):
        for name in ("draw", "caption", "t2i2t", "i2t2i"):
            np.testing.assert_allclose(shared[name], alone[name], rtol=1e-5, err_msg=name)


def test_fsdp_and_tensor_really_spread_the_parameters():
    now = losses(2, 2, 2)[1]
    kernel = now.params["model"]["encoder"]["layers"]["attention"]["query"]["kernel"]
    assert kernel.sharding.spec == jax.P(None, "fsdp", "tensor")
    assert kernel.addressable_shards[0].data.shape == (1, 8, 8)
    same = jax.tree.map(lambda a, b: a.sharding == b.sharding, now.params, now.ema)
    assert all(jax.tree.leaves(same))
