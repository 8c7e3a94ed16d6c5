"""Builds ITIT's three networks from a config."""

import jax.numpy as jnp

from itit_jax.config import ConfigError
from itit_jax.models import tokenizers, vqgan
from itit_jax.models.itit import ITIT
from itit_jax.models.t5 import T5Encoder
from itit_jax.workdir import config_of


def build(config):
    """-> (VQGAN, T5Encoder, ITIT)."""
    tokenizer_config = config_of(config.tokenizer, "tokenizer")
    tokenizer = tokenizers.from_config(tokenizer_config.model)
    side, rest = divmod(config.data.image_size, tokenizer.factor)
    if rest:
        raise ConfigError(
            f"data.image_size is {config.data.image_size}, which the tokenizer's factor "
            f"{tokenizer.factor} does not divide; choose a multiple of {tokenizer.factor}."
        )
    dtype = jnp.dtype(config.precision.compute)
    shared = dict(scan=config.model.scan, remat=config.mesh.remat, dtype=dtype)
    return tokenizer, _text_encoder(config, shared), _model(config, tokenizer, side**2, shared)


def _text_encoder(config, shared):
    t5 = config.text_encoder
    return T5Encoder(
        vocabulary_size=config.model.vocabulary_size,
        width=t5.width,
        mlp_width=t5.mlp_width,
        depth=t5.layers,
        heads=t5.heads,
        head_width=t5.head_width,
        **shared,
    )


def _model(config, tokenizer, tokens, shared):
    model, text = config.model, config.model.text_decoder
    # The digits of an FSQ code are known before training; codes that share them share rows.
    features = vqgan.FSQ(tokenizer.levels).features() if tokenizer.levels else None
    return ITIT(
        width=model.width,
        depth=model.depth,
        heads=model.heads,
        mlp_width=model.mlp_width,
        image_depth=model.image_decoder.depth,
        text_depth=text.depth,
        text_width=text.width,
        text_heads=text.heads,
        text_mlp_width=text.mlp_width,
        codes=tokenizer.codes,
        tokens=tokens,
        vocabulary_size=model.vocabulary_size,
        text_length=config.data.text_length,
        code_features=features,
        dropout=model.dropout,
        **shared,
    )
