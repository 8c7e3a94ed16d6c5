"""Builds C3's networks from a config."""

import jax.numpy as jnp

from configs.c3 import has_captioner, has_drawer
from itit_jax.models import tokenizers
from itit_jax.models.gpt2 import GPT2, PrefixCaptioner, PrefixMapper
from itit_jax.models.itit import ITIT
from itit_jax.other_runs import config_of


def build(config):
    """-> (PrefixCaptioner or None, image tokenizer or None, ITIT or None)."""
    shared = dict(
        scan=config.model.scan,
        remat=config.mesh.remat,
        dropout=config.model.dropout,
        dtype=jnp.dtype(config.precision.compute),
    )
    captioner = _captioner(config, shared) if has_captioner(config) else None
    if not has_drawer(config):
        return captioner, None, None
    tokenizer = tokenizers.from_config(config_of(config.tokenizer, "tokenizer", "vq").model)
    return captioner, tokenizer, _drawer(config, tokenizer, shared)


def _captioner(config, shared):
    sizes = config.model.captioner.to_dict()
    prefix = sizes.pop("prefix")
    return PrefixCaptioner(
        PrefixMapper(prefix, sizes["width"], shared["dtype"]),
        GPT2(
            vocabulary_size=config.model.vocabulary_size,
            positions=prefix + config.data.text_length,
            **sizes,
            **shared,
        ),
    )


def _drawer(config, tokenizer, shared):
    return ITIT(
        text_decoder=None,
        codes=tokenizer.codes,
        tokens=tokenizers.grid(tokenizer, config.data.image_size) ** 2,
        text_length=1,  # the vector is its only word
        code_features=tokenizers.code_features(tokenizer),
        **config.model.drawer,
        **shared,
    )
