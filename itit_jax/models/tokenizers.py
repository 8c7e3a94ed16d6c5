"""The image tokenizer that a config asks for, and what a trained one says."""

import math

import jax
import jax.numpy as jnp

from data_pipelines.errors import UserError
from itit_jax import sharding
from itit_jax.models.maskgit_vqgan import MaskGITVQGAN
from itit_jax.models.vqgan import FSQ, VQGAN, to_pixels, to_signed


def from_config(section, compute="float32"):
    """Network of the `model` section of a vq config."""
    fsq = section.quantizer == "fsq"
    network = MaskGITVQGAN if section.layout == "maskgit" else VQGAN
    return network(
        base=section.base_channels,
        multipliers=tuple(section.channel_multipliers),
        res_blocks=section.res_blocks,
        attention_resolutions=tuple(section.attention_resolutions),
        latent_channels=section.latent_channels,
        codes=math.prod(section.levels) if fsq else section.codes,
        code_width=section.code_width,
        levels=tuple(section.levels) if fsq else (),
        patch=section.patch,
        local=section.encoder == "patch",
        unit_pixels=section.layout != "taming",
        dtype=jnp.dtype(compute),
    )


def code_features(network):
    """What is known of codes before training, [c, d], so that those that share it share rows: the
    digits of an FSQ code; None of a codebook's."""
    return FSQ(network.levels).features() if network.levels else None


def grid(network, image_size):
    """Tokens a side of pictures of so many pixels a side."""
    side, rest = divmod(image_size, network.factor)
    if rest:
        raise UserError(
            f"data.image_size is {image_size}, which the tokenizer's factor {network.factor} does "
            f"not divide; choose a multiple of {network.factor}."
        )
    return side


def ids(network, params, images):
    """Pictures uint8 [b, h, w, 3] -> token ids int32 [b, n]."""
    return network.apply({"params": params}, to_signed(images), method="encode")


@jax.named_scope("tokenizer")
def tokenized(network, params, batch):
    """{stream: rows} with "tokens" [b, n] beside each "image" [b, h, w, 3]: all pictures of a step
    in one pass, so that the network is compiled once. params: {part: parameters}."""
    seen = {name: rows["image"] for name, rows in batch.items()
            if "image" in rows and "tokens" not in rows}  # fmt: skip
    if not seen:
        return batch
    found = ids(network, params["tokenizer"], sharding.joined(list(seen.values())))
    parts = sharding.parted(found, [len(images) for images in seen.values()])
    return batch | {name: batch[name] | {"tokens": part} for name, part in zip(seen, parts)}


def pictures(network, params, tokens):
    """Token ids int [b, n] -> pictures uint8 [b, h, w, 3]."""
    return to_pixels(network.apply({"params": params}, tokens, method="decode"))
