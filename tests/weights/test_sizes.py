"""Sizes of a network from its file: those that it was built of, and every tensor is asked for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from data_pipelines.errors import UserError
from itit_jax.models.vqgan import VQGAN
from itit_jax.sharding import path_of
from itit_jax.weights import load as weights
from itit_jax.weights import sizes
from itit_jax.weights.containers.tensors import Tensor
from tests.weights.networks import maskgit_params, random_params, t5, t5_params, vq_params, vqgan

NORM = "encoder.block.1.layer.0.layer_norm.weight"
BIAS = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"


def drop(name):
    return lambda tensors: tensors.pop(name)


def reshape(name, *shape):
    return lambda tensors: tensors.update({name: np.ones(shape, np.float32)})


def checked_after(change, params, kind, tmp_path):
    """What `sizes` says of a file whose tensors were changed."""
    file = tmp_path / "x.safetensors"
    weights.save(params, kind, file)
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file)
    return sizes.checked(file, *weights.read(file))


@pytest.mark.parametrize(
    "change, sentence",
    [
        (drop(NORM), "layers_1/attention_norm/scale is missing"),
        (reshape(NORM, 3), "layers_1/attention_norm/scale has the shape (3,)"),
        (drop(BIAS), "relative_bias is missing"),
        (reshape(BIAS, 31, 3), "relative_bias has the shape (31, 3)"),
        (reshape(BIAS, 32, 4), "sizes 15 and 4"),
        (drop("encoder.final_layer_norm.weight"), "final_norm/scale is missing"),
    ],
)
def test_a_t5_that_is_not_whole_is_refused(change, sentence, tmp_path):
    with pytest.raises(UserError) as error:
        checked_after(change, t5_params(t5(scan=False)), "t5", tmp_path)
    assert sentence in str(error.value) and len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    "change, sentence",
    [
        (drop("decoder.mid.block_1.norm1.weight"), "decoder/mid/block_1/norm1/scale is missing"),
        (drop("quantize.embedding.weight"), "quantize/embedding is missing"),
        (reshape("quant_conv.bias", 5), "quant_conv/bias has the shape (5,)"),
        (drop("decoder.up.1.attn.0.q.weight"), "up_1_attn_0/attention/query/kernel is missing"),
    ],
)
def test_a_tokenizer_that_is_not_whole_is_refused(change, sentence, tmp_path):
    with pytest.raises(UserError) as error:
        checked_after(change, vq_params(vqgan()), "taming", tmp_path)
    assert sentence in str(error.value) and len(str(error.value).splitlines()) == 1


def middle_only():
    """diffusers' VQModel of its own defaults: attention in the middle and nowhere else."""
    return VQGAN(
        base=32, multipliers=(1, 2, 3), res_blocks=1, attention_resolutions=(0,),
        latent_channels=6, codes=11, code_width=4,
    )  # fmt: skip


def in_patches():
    return VQGAN(
        base=32, multipliers=(1,), res_blocks=1, attention_resolutions=(), latent_channels=6,
        codes=11, code_width=4, patch=4,
    )  # fmt: skip


def of_tokenizer(base, multipliers, blocks, latent, codes, width, **more):
    given = {"base_channels": base, "channel_multipliers": multipliers, "res_blocks": blocks,
             "latent_channels": latent, "codes": codes, "code_width": width}  # fmt: skip
    return {f"model.{name}": value for name, value in (given | more).items()}


# What each was built of, said once more by hand.
T5 = {
    "model.vocabulary_size": 23, "text_encoder.layers": 2, "text_encoder.width": 12,
    "text_encoder.mlp_width": 20, "text_encoder.heads": 3, "text_encoder.head_width": 5,
}  # fmt: skip
NETWORKS = {
    "t5": (lambda: t5_params(t5(scan=False)), T5),
    "taming": (lambda: vq_params(vqgan()),
               of_tokenizer(32, [1, 2], 2, 6, 11, 4, layout="taming")),
    "diffusers_vq": (lambda: vq_params(middle_only()), of_tokenizer(
        32, [1, 2, 3], 1, 6, 11, 4,
        layout="amused for aMUSEd's (pixels in [0, 1]), else taming")),
    "itit_jax": (lambda: random_params(in_patches(), jnp.zeros((1, 8, 8, 3))), of_tokenizer(
        32, [1], 1, 6, 11, 4, layout="as it was", attention_resolutions=[])),
    "open_muse": (lambda: maskgit_params()[1], of_tokenizer(
        8, [1, 2, 2], 2, 4, 9, 4, layout="maskgit", attention_resolutions=[])),
}  # fmt: skip


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_whole_network_says_the_sizes_that_it_was_built_of(kind):
    build, wanted = NETWORKS[kind]
    leaves = jax.tree_util.tree_leaves_with_path(build())
    found = {path_of(place): Tensor(leaf.shape, leaf.dtype, lambda: None) for place, leaf in leaves}
    assert sizes.checked("x", kind, found) == wanted


def test_a_network_of_this_project_alone_says_none():
    model = VQGAN(8, (1,), 1, (), 3, 0, 0, levels=(3, 3))
    leaves = jax.tree_util.tree_leaves_with_path(random_params(model, jnp.zeros((1, 4, 4, 3))))
    found = {path_of(place): Tensor(leaf.shape, leaf.dtype, lambda: None) for place, leaf in leaves}
    assert sizes.checked("x", "itit_jax", found) is None
