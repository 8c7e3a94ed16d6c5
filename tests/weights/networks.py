"""Small networks with random parameters, and how those are compared."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from itit_jax.models.maskgit_vqgan import MaskGITVQGAN
from itit_jax.models.t5 import T5Encoder
from itit_jax.models.vqgan import VQGAN
from tests.tiny import filled

MASKGIT = dict(base=8, multipliers=(1, 2, 2), codes=9)


def t5(scan=True, depth=2):
    return T5Encoder(
        vocabulary_size=23, width=12, mlp_width=20, depth=depth, heads=3, head_width=5, scan=scan
    )


def vqgan(attention=(8,)):
    return VQGAN(
        base=32, multipliers=(1, 2), res_blocks=2, attention_resolutions=attention,
        latent_channels=6, codes=11, code_width=4,
    )  # fmt: skip


def maskgit_params(blocks=2):
    model = MaskGITVQGAN(
        **MASKGIT, res_blocks=blocks, attention_resolutions=(), latent_channels=4, code_width=4
    )
    return model, vq_params(model)


def t5_params(model):
    words = jnp.ones((1, 7), jnp.int32)
    return random_params(model, words, words > 0)


def vq_params(model):
    return random_params(model, jnp.zeros((1, 16, 16, 3)))


def random_params(model, *inputs):
    return filled(jax.eval_shape(model.init, jax.random.key(0), *inputs))["params"]


def abstract(params):
    place = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    described = lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place)
    return jax.tree.map(described, params)


def assert_same(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


def applied(model, method, variables, x):
    return jax.jit(functools.partial(model.apply, method=method))(variables, x)
