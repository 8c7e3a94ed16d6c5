"""A causal text decoder over prefix states, in the manner of GIT (papers.md 4.5).

It knows nothing of who made the prefix: an image-text encoder, a tower of CLIP, anything that
gives states [b, p, d] and says which of them are valid [b, p].
"""

import flax.linen as nn
import jax.numpy as jnp

from itit_jax.models.attention import empty_cache, key_mask, prefix_causal_mask
from itit_jax.models.layers import Block, Stack, classify, embed


class TextDecoder(nn.Module):
    """Self-attention over [prefix ; begin, words]; one table embeds and classifies words."""

    width: int
    depth: int
    heads: int
    mlp_width: int
    vocabulary_size: int
    text_length: int  # most words of a text, its end included
    begin: int  # the id that stands before the first word
    dropout: float = 0.0
    scan: bool = True
    remat: str = "none"
    dtype: jnp.dtype = jnp.float32

    def setup(self):
        init = nn.initializers.normal(0.02)
        self.word_table = self.param("word_embedding", init, (self.vocabulary_size, self.width))
        self.word_positions = self.param("word_positions", init, (self.text_length, self.width))
        self.prefix_projection = nn.Dense(self.width, dtype=self.dtype)
        self.prefix_norm = nn.LayerNorm(dtype=self.dtype)
        arguments = dict(
            heads=self.heads, mlp_width=self.mlp_width, dropout=self.dropout, dtype=self.dtype
        )
        self.blocks = Stack(Block, arguments, self.depth, self.scan, self.remat)
        self.norm = nn.LayerNorm(dtype=self.dtype)
        self.word_bias = self.param("word_bias", nn.initializers.zeros, (self.vocabulary_size,))

    def __call__(self, states, valid, words):
        """Teacher-forced: states [b, p, d], valid bool [b, p], words int [b, t] -> logits float32
        [b, t, v].

        Position l sees the valid states, `begin` and the words before l, and predicts word l.
        """
        inputs = jnp.pad(words[:, :-1], ((0, 0), (1, 0)), constant_values=self.begin)
        x = jnp.concatenate([self._prefix(states), self._embed(inputs, 0)], axis=1)
        x, _ = self.blocks(x, prefix_causal_mask(valid, words.shape[1]))
        return self._logits(x[:, states.shape[1] :])

    def prefill(self, states, valid):
        """Run the prefix once: states [b, p, d], valid bool [b, p] -> the cache of `step`, as
        `empty_cache` makes it, with room for p states and text_length words."""
        b, p = valid.shape
        length, head_width = p + self.text_length, self.width // self.heads
        cache = empty_cache(
            self.depth, b, length, self.heads, head_width, self.dtype, scan=self.scan
        )
        seen = jnp.pad(valid, ((0, 0), (0, self.text_length)))
        _, cache = self.blocks(self._prefix(states), key_mask(seen), None, cache, 0)
        return cache

    def step(self, cache, valid, words, position):
        """One cached step: words int [b] at `position` (`begin` at 0), valid bool [b, p] ->
        (logits float32 [b, v] of the next word, cache)."""
        b, p = valid.shape
        written = jnp.arange(self.text_length) <= position
        seen = jnp.concatenate([valid, jnp.broadcast_to(written, (b, self.text_length))], axis=1)
        x = self._embed(words[:, None], position)
        x, cache = self.blocks(x, key_mask(seen), None, cache, p + position)
        return self._logits(x[:, 0]), cache

    def _prefix(self, states):
        return self.prefix_norm(self.prefix_projection(states))

    def _embed(self, words, start):
        positions = start + jnp.arange(words.shape[1])
        x = embed(self.word_table, words) + jnp.take(self.word_positions, positions, axis=0)
        return x.astype(self.dtype)

    def _logits(self, x):
        return classify(self.norm(x), self.word_table.astype(self.dtype)) + self.word_bias
