"""Builds ERNIE-ViLG's networks from a config."""

import jax.numpy as jnp

from itit_jax.models import tokenizers
from itit_jax.models.ernie_vilg import ErnieViLG
from itit_jax.other_runs import config_of


def build(config):
    """-> (image tokenizer, ErnieViLG)."""
    tokenizer = tokenizers.from_config(config_of(config.tokenizer, "tokenizer", "vq").model)
    model = config.model
    return tokenizer, ErnieViLG(
        width=model.width,
        depth=model.depth,
        heads=model.heads,
        mlp_width=model.mlp_width,
        codes=tokenizer.codes,
        tokens=tokenizers.grid(tokenizer, config.data.image_size) ** 2,
        vocabulary_size=model.vocabulary_size,
        text_length=config.data.text_length,
        code_features=tokenizers.code_features(tokenizer),
        latent_width=0 if model.reconstructor == "two_stage" else tokenizer.latent_width,
        kernel=model.kernel if model.attention == "sparse" else 0,
        dropout=model.dropout,
        scan=model.scan,
        remat=config.mesh.remat,
        dtype=jnp.dtype(config.precision.compute),
    )
