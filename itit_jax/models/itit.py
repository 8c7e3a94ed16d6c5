"""ITIT's network (papers.md 1.1): one joint image-text encoder and two decoders.

    text features ─ project ┐                          ┌ image decoder ─ logits over the codes
                            ├ joint encoder ─ states ──┤
    visible tokens ─ embed ─┘                          └ text decoder ─ logits over the words

Masked image tokens are dropped from the encoder. Shapes are static: an encoder call has a fixed
number of `slots` for image tokens, `places` says where each slot lies in the grid, and `visible`
hides the slots that hold a masked token.
"""

import math
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from itit_jax.models.attention import key_mask
from itit_jax.models.layers import Block, GridPositions, Stack, TokenTable, classify, embed
from itit_jax.models.text_decoder import TextDecoder


class ITIT(nn.Module):
    """All trained parts but the text encoder."""

    width: int
    depth: int
    heads: int
    mlp_width: int
    image_depth: int
    text_decoder: TextDecoder | None  # reads the states of `encode`; None: it only draws
    codes: int
    tokens: int  # image tokens a picture, a square number
    text_length: int
    code_features: Any = None  # numpy [c, f], see TokenTable
    dropout: float = 0.0
    scan: bool = True
    remat: str = "none"
    dtype: jnp.dtype = jnp.float32

    def setup(self):
        init = nn.initializers.normal(0.02)
        side = math.isqrt(self.tokens)
        self.code_table = TokenTable(self.codes, self.width, self.code_features)
        self.positions = GridPositions(side, self.width)
        self.text_projection = nn.Dense(self.width, dtype=self.dtype)
        self.text_positions = self.param("text_positions", init, (self.text_length, self.width))
        self.empty_text = self.param("empty_text", init, (self.width,))
        self.encoder = self._stack(self.depth)
        self.encoder_norm = nn.LayerNorm(dtype=self.dtype)
        self._setup_image_decoder(init, side)

    def _setup_image_decoder(self, init, side):
        self.image_in = nn.Dense(self.width, dtype=self.dtype)
        self.mask_vector = self.param("mask_vector", init, (self.width,))
        self.decoder_positions = GridPositions(side, self.width)
        self.image_decoder = self._stack(self.image_depth)
        self.image_norm = nn.LayerNorm(dtype=self.dtype)
        self.mlm_dense = nn.Dense(self.width, dtype=self.dtype)
        self.mlm_norm = nn.LayerNorm(dtype=self.dtype)
        self.mlm_bias = self.param("mlm_bias", nn.initializers.zeros, (self.codes,))

    def _stack(self, depth):
        arguments = dict(
            heads=self.heads, mlp_width=self.mlp_width, dropout=self.dropout, dtype=self.dtype
        )
        return Stack(Block, arguments, depth, self.scan, self.remat)

    def encode(self, tokens, places, visible, text=None, text_valid=None):
        """Joint encoder.

        tokens int [b, s] or rows [b, s, c] of the slots; places int [b, s]; visible bool [b, s];
        text features [b, t, e] with text_valid bool [b, t], or None for the empty text. A sample
        without a single valid word gets the empty text as well.
        Returns states [b, s + t, d] (t = 1 for the empty text) and valid bool [b, s + t].
        """
        image = embed(self.code_table(), tokens) + jnp.take(self.positions(), places, axis=0)
        words, words_valid = self._text_tokens(tokens.shape[0], text, text_valid)
        x = jnp.concatenate([image.astype(self.dtype), words.astype(self.dtype)], axis=1)
        valid = jnp.concatenate([visible, words_valid], axis=1)
        x, _ = self.encoder(x, key_mask(valid))
        return self.encoder_norm(x), valid

    def _text_tokens(self, batch, text, text_valid):
        """-> word vectors [b, t, d] and which are valid [b, t]."""
        empty = jnp.broadcast_to(self.empty_text, (batch, 1, self.width))
        if text is None:
            return empty, jnp.ones((batch, 1), bool)
        words = self.text_projection(text) + self.text_positions[: text.shape[1]]
        absent = ~jnp.any(text_valid, axis=1)
        first = jnp.arange(text.shape[1]) == 0
        use_empty = absent[:, None] & first
        return jnp.where(use_empty[..., None], empty, words), text_valid | use_empty

    def decode_image(self, states, valid, places, visible):
        """states [b, s + t, d] and valid bool [b, s + t] of `encode`, places int [b, s], visible
        bool [b, s] -> logits float32 [b, n, c] at every position."""
        slots = places.shape[1]
        words, words_valid = states[:, slots:], valid[:, slots:]
        image = jnp.where(visible[..., None], self.image_in(states[:, :slots]), self.mask_vector)
        batch = jnp.arange(states.shape[0])[:, None]
        grid = jnp.broadcast_to(self.mask_vector, (states.shape[0], self.tokens, self.width))
        grid = grid.astype(self.dtype).at[batch, places].set(image.astype(self.dtype))
        grid = grid + self.decoder_positions().astype(self.dtype)
        everywhere = jnp.ones((states.shape[0], self.tokens), bool)
        mask = key_mask(jnp.concatenate([everywhere, words_valid], axis=1))
        x, _ = self.image_decoder(jnp.concatenate([grid, words], axis=1), mask)
        x = nn.gelu(self.mlm_dense(self.image_norm(x[:, : self.tokens])))
        return classify(self.mlm_norm(x), self.code_table().astype(self.dtype)) + self.mlm_bias

    def __call__(self, tokens, places, visible, text, text_valid, words):
        """Touches every parameter once, to initialise.

        tokens, places, visible [b, s]; text [b, t, e], text_valid [b, t]; words [b, t].
        """
        states, valid = self.encode(tokens, places, visible, text, text_valid)
        images = self.decode_image(states, valid, places, visible)
        empty_states, empty_valid = self.encode(tokens, places, visible)
        return images, self.text_decoder(empty_states, empty_valid, words)
