"""Formulas of the convolutional networks beside a count of their programs."""

import jax
import jax.numpy as jnp
import pytest

from benchmarks import traced_flops
from itit_jax.models import picture_flops
from itit_jax.models.classifier import Classifier
from itit_jax.models.discriminator import PatchDiscriminator
from itit_jax.models.maskgit_vqgan import MaskGITVQGAN
from itit_jax.models.vqgan import VQGAN

SIZES = dict(latent_channels=6, codes=60, code_width=4)
TOKENIZERS = {
    "as published": VQGAN(8, (1, 2, 2), 2, (4, 8), **SIZES),
    "without attention, folded": VQGAN(8, (2, 1), 1, (), patch=2, **SIZES),
    "of patches, a grid of codes": VQGAN(
        8, (1,), 2, (), **SIZES, levels=(5, 4, 3), patch=8, local=True
    ),
    "MaskGIT's": MaskGITVQGAN(8, (1, 2, 1), 2, (), **SIZES),
}


def pixels(side=16):
    return jax.ShapeDtypeStruct((3, side, side, 3), jnp.float32)


def gradient(network, call, *inputs):
    """FLOPs of value and gradient of all parameters, by the program."""
    params = jax.eval_shape(network.init, jax.random.key(0), *inputs)
    return traced_flops.count(jax.value_and_grad(lambda p, *x: total(call(p, *x))), params, *inputs)


def total(tree):
    return sum(jnp.sum(x) for x in jax.tree.leaves(tree))


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_tokenizer_there_and_back(name):
    network = TOKENIZERS[name]
    encode, decode = (f(network, 3, 16) for f in (
        picture_flops.encode_pixels, picture_flops.decode_pixels))  # fmt: skip
    params = jax.eval_shape(network.init, jax.random.key(0), pixels())
    ids = lambda p, x: network.apply(p, x, method="encode")
    assert traced_flops.count(ids, params, pixels()) == encode.forward
    back = lambda p, x: network.apply(p, x, method="decode")
    codes = jax.eval_shape(ids, params, pixels())
    assert traced_flops.count(back, params, codes) == decode.forward
    assert gradient(network, lambda *a: network.apply(*a)[0], pixels()) == (encode + decode).total


@pytest.mark.parametrize("side", [16, 20])
def test_the_critic(side):
    network = PatchDiscriminator(8)
    first, rest = picture_flops.critic(network, 3, side)
    assert gradient(network, network.apply, pixels(side)) == (first.of_data() + rest).total


def test_the_classifier():
    network = Classifier(channels=(4, 6, 8), width=5, words=7)
    told = picture_flops.classifier(network, 3, 16)
    assert gradient(network, network.apply, pixels()) == told.total
