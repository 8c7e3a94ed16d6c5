"""Builds ITIT's three networks from a config."""

import jax.numpy as jnp

from itit_jax.models import t5, tokenizers
from itit_jax.models.itit import ITIT
from itit_jax.models.text_decoder import TextDecoder
from itit_jax.other_runs import config_of


def build(config):
    """-> (image tokenizer, T5Encoder, ITIT)."""
    tokenizer_config = config_of(config.tokenizer, "tokenizer", "vq")
    tokenizer = tokenizers.from_config(tokenizer_config.model)
    side = tokenizers.grid(tokenizer, config.data.image_size)
    dtype = jnp.dtype(config.precision.compute)
    shared = dict(scan=config.model.scan, remat=config.mesh.remat, dtype=dtype)
    return tokenizer, _text_encoder(config, shared), _model(config, tokenizer, side**2, shared)


def _text_encoder(config, shared):
    text = config.text_encoder
    return t5.T5Encoder(
        vocabulary_size=config.model.vocabulary_size,
        width=text.width,
        mlp_width=text.mlp_width,
        depth=text.layers,
        heads=text.heads,
        head_width=text.head_width,
        **shared,
    )


def _model(config, tokenizer, tokens, shared):
    model = config.model
    return ITIT(
        width=model.width,
        depth=model.depth,
        heads=model.heads,
        mlp_width=model.mlp_width,
        image_depth=model.image_decoder.depth,
        text_decoder=_text_decoder(config, shared),
        codes=tokenizer.codes,
        tokens=tokens,
        text_length=config.data.text_length,
        code_features=tokenizers.code_features(tokenizer),
        dropout=model.dropout,
        **shared,
    )


def _text_decoder(config, shared):
    text = config.model.text_decoder
    return TextDecoder(
        width=text.width,
        depth=text.depth,
        heads=text.heads,
        mlp_width=text.mlp_width,
        vocabulary_size=config.model.vocabulary_size,
        text_length=config.data.text_length,
        begin=t5.PAD,
        dropout=config.model.dropout,
        **shared,
    )
