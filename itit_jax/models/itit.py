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

from itit_jax.models.attention import empty_cache, key_mask, prefix_causal_mask
from itit_jax.models.layers import Block, Stack, TokenTable, embed

BOS = 0  # T5 has no word for "begin"; its decoders start from the padding id


class GridPositions(nn.Module):
    """Learned 2-D positions: row vector + column vector."""

    side: int
    width: int

    @nn.compact
    def __call__(self):
        """-> [side * side, width]."""
        init = nn.initializers.normal(0.02)
        rows = self.param("rows", init, (self.side, self.width))
        columns = self.param("columns", init, (self.side, self.width))
        return (rows[:, None] + columns[None]).reshape(self.side**2, self.width)


class ITIT(nn.Module):
    """All trained parts but the text encoder."""

    width: int
    depth: int
    heads: int
    mlp_width: int
    image_depth: int
    text_depth: int
    text_width: int
    text_heads: int
    text_mlp_width: int
    codes: int
    tokens: int  # image tokens a picture, a square number
    vocabulary_size: int
    text_length: int
    code_features: Any = None  # numpy [codes, f], see TokenTable
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
        self.encoder = self._stack(self.heads, self.mlp_width, self.depth)
        self.encoder_norm = nn.LayerNorm(dtype=self.dtype)
        self._setup_image_decoder(init, side)
        self._setup_text_decoder(init)

    def _setup_image_decoder(self, init, side):
        self.image_in = nn.Dense(self.width, dtype=self.dtype)
        self.mask_vector = self.param("mask_vector", init, (self.width,))
        self.decoder_positions = GridPositions(side, self.width)
        self.image_decoder = self._stack(self.heads, self.mlp_width, self.image_depth)
        self.image_norm = nn.LayerNorm(dtype=self.dtype)
        self.mlm_dense = nn.Dense(self.width, dtype=self.dtype)
        self.mlm_norm = nn.LayerNorm(dtype=self.dtype)
        self.mlm_bias = self.param("mlm_bias", nn.initializers.zeros, (self.codes,))

    def _setup_text_decoder(self, init):
        shape = (self.vocabulary_size, self.text_width)
        self.word_table = self.param("word_embedding", init, shape)
        self.word_positions = self.param(
            "word_positions", init, (self.text_length, self.text_width)
        )
        self.prefix_projection = nn.Dense(self.text_width, dtype=self.dtype)
        self.prefix_norm = nn.LayerNorm(dtype=self.dtype)
        self.text_decoder = self._stack(self.text_heads, self.text_mlp_width, self.text_depth)
        self.text_norm = nn.LayerNorm(dtype=self.dtype)
        self.word_bias = self.param("word_bias", nn.initializers.zeros, (self.vocabulary_size,))

    def _stack(self, heads, mlp_width, depth):
        arguments = dict(
            heads=heads, mlp_width=mlp_width, dropout=self.dropout, dtype=self.dtype
        )
        return Stack(Block, arguments, depth, self.scan, self.remat)

    def encode(self, tokens, places, visible, text=None, text_valid=None):
        """Joint encoder.

        tokens int [b, s] or rows [b, s, codes] of the slots; places int [b, s]; visible bool
        [b, s]; text features [b, t, e] with text_valid bool [b, t], or None for the empty text.
        A sample without a single valid word gets the empty text as well.
        Returns states [b, s + t, width] (t = 1 for the empty text) and valid bool [b, s + t].
        """
        image = embed(self.code_table(), tokens) + jnp.take(self.positions(), places, axis=0)
        words, words_valid = self._text_tokens(tokens.shape[0], text, text_valid)
        x = jnp.concatenate([image.astype(self.dtype), words.astype(self.dtype)], axis=1)
        valid = jnp.concatenate([visible, words_valid], axis=1)
        x, _ = self.encoder(x, key_mask(valid))
        return self.encoder_norm(x), valid

    def _text_tokens(self, batch, text, text_valid):
        """-> word vectors [b, t, width] and which are valid [b, t]."""
        empty = jnp.broadcast_to(self.empty_text, (batch, 1, self.width))
        if text is None:
            return empty, jnp.ones((batch, 1), bool)
        words = self.text_projection(text) + self.text_positions[: text.shape[1]]
        absent = ~jnp.any(text_valid, axis=1)
        first = jnp.arange(text.shape[1]) == 0
        use_empty = absent[:, None] & first
        return jnp.where(use_empty[..., None], empty, words), text_valid | use_empty

    def decode_image(self, states, valid, places, visible):
        """states, valid of `encode` -> logits float32 [b, tokens, codes] at every position."""
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
        logits = self.mlm_norm(x) @ self.code_table().astype(self.dtype).T
        return logits.astype(jnp.float32) + self.mlm_bias

    def decode_text(self, states, valid, words):
        """Teacher-forced text decoder: words int [b, t] -> logits float32 [b, t, vocabulary].

        Position l sees [BOS], words before l and the states, and predicts word l.
        """
        inputs = jnp.pad(words[:, :-1], ((0, 0), (1, 0)), constant_values=BOS)
        prefix = self.prefix_norm(self.prefix_projection(states))
        x = jnp.concatenate([prefix, self._words(inputs, 0)], axis=1)
        x, _ = self.text_decoder(x, prefix_causal_mask(valid, words.shape[1]))
        return self._word_logits(x[:, states.shape[1] :])

    def text_prefill(self, states, valid):
        """Run the states once -> (cache with room for text_length words, valid keys)."""
        batch, slots = valid.shape
        head_width = self.text_width // self.text_heads
        length = slots + self.text_length
        cache = empty_cache(
            self.text_depth, batch, length, self.text_heads, head_width, self.dtype
        )
        prefix = self.prefix_norm(self.prefix_projection(states))
        seen = jnp.pad(valid, ((0, 0), (0, self.text_length)))
        _, cache = self.text_decoder(prefix, key_mask(seen), None, cache, 0)
        return cache, valid

    def text_step(self, cache, valid, ids, position):
        """One cached step: ids int [b] at `position` -> (logits [b, vocabulary], cache)."""
        slots = valid.shape[1]
        written = jnp.arange(self.text_length) <= position
        seen = jnp.concatenate([valid, jnp.broadcast_to(written, (ids.shape[0], written.size))], 1)
        x = self._words(ids[:, None], position)
        x, cache = self.text_decoder(x, key_mask(seen), None, cache, slots + position)
        return self._word_logits(x)[:, 0], cache

    def _words(self, ids, start):
        positions = start + jnp.arange(ids.shape[1])
        x = embed(self.word_table, ids) + jnp.take(self.word_positions, positions, axis=0)
        return x.astype(self.dtype)

    def _word_logits(self, x):
        logits = self.text_norm(x) @ self.word_table.astype(self.dtype).T
        return logits.astype(jnp.float32) + self.word_bias

    def __call__(self, tokens, places, visible, text, text_valid, words):
        """Touches every parameter once; used to initialise."""
        states, valid = self.encode(tokens, places, visible, text, text_valid)
        images = self.decode_image(states, valid, places, visible)
        empty_states, empty_valid = self.encode(tokens, places, visible)
        return images, self.decode_text(empty_states, empty_valid, words)
