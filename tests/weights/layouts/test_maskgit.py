"""MaskGIT's tokenizer as Flax names it."""

import jax
import numpy as np
import pytest
from flax import serialization

from data_pipelines.errors import UserError
from itit_jax.weights import load as weights
from itit_jax.weights.containers import flax_files
from itit_jax.weights.containers.find import read_tensors
from tests.weights.layouts import maskgit_flax
from tests.weights.networks import MASKGIT, abstract, applied, maskgit_params, random_params


@pytest.mark.parametrize("blocks", [1, 2])
def test_a_flax_program_of_maskgit_gives_its_outputs_through_our_network(blocks, tmp_path):
    """Its names are counted by Flax itself, its pixels are in [0, 1]."""
    theirs = maskgit_flax.VQVAE(**MASKGIT, blocks=blocks, width=4)
    pixels = jax.random.uniform(jax.random.key(0), (2, 16, 16, 3))
    ids = jax.random.randint(jax.random.key(1), (2, 4, 4), 0, 9)
    variables = {"params": random_params(theirs, pixels, ids)}
    file = tmp_path / "tokenizer_imagenet256_checkpoint"  # no suffix, as theirs
    file.write_bytes(serialization.to_bytes(variables))
    latents, decoded = jax.jit(theirs.apply)(variables, pixels, ids)

    ours, like = maskgit_params(blocks)
    loaded = {"params": weights.load(file, abstract(like))}
    found = applied(ours, "latents", loaded, pixels * 2 - 1)
    np.testing.assert_allclose(found, latents, rtol=1e-4, atol=1e-4 * np.abs(latents).max())
    found = applied(ours, "decode", loaded, ids.reshape(2, -1))
    np.testing.assert_allclose((found + 1) / 2, decoded, atol=1e-4 * np.abs(decoded).max())


@pytest.mark.parametrize("half", ["encoder", "decoder"])
def test_half_a_tokenizer_is_refused(half, tmp_path):
    params = maskgit_params()[1]
    weights.save(params, "maskgit", tmp_path / "x.msgpack")
    held = {n: t.read() for n, t in read_tensors(tmp_path / "x.msgpack").items()}
    flax_files.write({n: a for n, a in held.items() if half in n}, tmp_path / "half.msgpack")
    with pytest.raises(UserError, match="lacks 'decoder/conv_in/bias' and"):
        weights.load(tmp_path / "half.msgpack", abstract(params))
