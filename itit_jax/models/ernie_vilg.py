"""ERNIE-ViLG's network (arXiv 2112.15283; papers.md 3.1): one stack reads and writes.

    draw      [ words | begin, image tokens ]          -> logits of the image tokens
    caption   [ image tokens | begin, words ]          -> logits of the words
    answer    [ image tokens, words | begin, words ]   -> the same: a question is more source

Left of the bar lies the source, which sees all of itself; right of it the target, each place of
which sees the source and what is left of it; the source never sees the target (UniLM).
"""

import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from itit_jax.models import sparse_patterns
from itit_jax.models.attention import empty_cache, key_mask, prefix_causal_mask
from itit_jax.models.layers import Block, GridPositions, Stack, TokenTable, classify, embed
from itit_jax.models.sparse_attention import SparseStack, empty_caches
from itit_jax.models.sparse_patterns import Sight, Written

KINDS = ("image", "text")  # of a target
SOURCE, TARGET = 0, 1  # rows of the segment table


class ErnieViLG(nn.Module):
    """Encoder and decoder of both directions, with the same parameters."""

    width: int
    depth: int
    heads: int
    mlp_width: int
    codes: int
    tokens: int  # image tokens a picture, a square number
    vocabulary_size: int
    text_length: int  # most words of a text, its end included
    code_features: Any = None  # numpy [c, f], see TokenTable
    latent_width: int = 0  # of what a reconstructor reads at a token, see `latents`; 0: nobody does
    kernel: int = 0  # tokens a side that a sparse last layer sees, see sparse_patterns; 0: dense
    dropout: float = 0.0
    scan: bool = True
    remat: str = "none"
    dtype: jnp.dtype = jnp.float32

    def setup(self):
        init, zeros = nn.initializers.normal(0.02), nn.initializers.zeros
        self.code_table = TokenTable(self.codes, self.width, self.code_features)
        self.word_table = self.param("word_embedding", init, (self.vocabulary_size, self.width))
        self.positions = GridPositions(math.isqrt(self.tokens), self.width)
        self.word_positions = self.param("word_positions", init, (self.text_length, self.width))
        self.segments = self.param("segments", init, (2, self.width))
        self.begins = self.param("begins", init, (len(KINDS), self.width))
        arguments = dict(
            heads=self.heads, mlp_width=self.mlp_width, dropout=self.dropout, dtype=self.dtype
        )
        if self.kernel:
            patterns = self.patterns
            self.blocks = SparseStack(Block, arguments, patterns, self.scan, self.remat)
        else:
            self.blocks = Stack(Block, arguments, self.depth, self.scan, self.remat)
        self.norm = nn.LayerNorm(dtype=self.dtype)
        if self.latent_width:
            self.latent_up = nn.Dense(self.width, dtype=self.dtype)
            self.latent_out = nn.Dense(self.latent_width, dtype=self.dtype)
        self.code_bias = self.param("code_bias", zeros, (self.codes,))
        self.word_bias = self.param("word_bias", zeros, (self.vocabulary_size,))

    @property
    def patterns(self):
        """What each sparse layer sees of the image."""
        side = math.isqrt(self.tokens)
        return sparse_patterns.order(self.depth, side, side, self.kernel)

    # ---- whole sequences ----------------------------------------------------------------------

    def states(self, source, kind, ids):
        """Teacher-forced. source: see `_source`; ids int [b, k] of the target, one of KINDS ->
        last states [b, 1 + k, d] of [begin, ids].

        The state at a place predicts what stands right of it: that of `begin` the first id.
        """
        x, valid = self._source(source)
        target = jnp.concatenate([self._begin(kind, len(ids)), self._target(kind, ids, 0)], axis=1)
        if self.kernel:
            mask = Sight(valid, target.shape[1], valid.shape[1] + 1 if kind == "image" else 0)
        else:
            mask = prefix_causal_mask(valid, target.shape[1])
        x, _ = self.blocks(jnp.concatenate([x, target], axis=1), mask)
        return self.norm(x[:, valid.shape[1] :])

    def latents(self, states):
        """States [b, n, d] at the places of the image tokens -> [b, side, side, e], what stands for
        the codes of these tokens before the reconstructor; no code is looked up.

        The state at a token has seen that token. The paper does not say which it takes; the one
        before, which only foresees the token, is the other reading.
        """
        side = math.isqrt(self.tokens)
        found = self.latent_out(nn.gelu(self.latent_up(states)))
        return found.reshape(len(states), side, side, self.latent_width)

    def logits(self, kind, states):
        """States [b, k, d] -> logits float32 [b, k, c] of image tokens or [b, k, v] of words; of
        one place each, [b, d] -> [b, c] or [b, v]."""
        table, bias = self._heads(kind)
        return classify(states, table.astype(self.dtype)) + bias

    def _heads(self, kind):
        if kind == "image":
            return self.code_table(), self.code_bias
        return self.word_table, self.word_bias

    # ---- one by one -----------------------------------------------------------------------------

    def prefill(self, kind, source, length):
        """Reads the source once -> (cache of `step`, with room for a target of `length` places;
        valid bool [b, s], which places of the source are seen)."""
        x, valid = self._source(source)
        b, s = valid.shape
        sizes = dict(
            batch=b, heads=self.heads, head_width=self.width // self.heads, dtype=self.dtype
        )
        if not self.kernel:
            cache = empty_cache(self.depth, length=s + length, scan=self.scan, **sizes)
            seen = key_mask(jnp.pad(valid, ((0, 0), (0, length))))
        elif kind == "image":
            lengths = [s + 1 + pattern.reach for pattern in self.patterns]
            cache, seen = empty_caches(self.patterns, self.scan, lengths, sizes), Written(valid)
        else:
            lengths = [s + length] * self.depth
            cache = empty_caches(self.patterns, self.scan, lengths, sizes)
            seen = Sight(valid, 0, 0)
        _, cache = self.blocks(x, seen, None, cache, 0)
        return cache, valid

    def step(self, kind, cache, valid, ids, position):
        """One cached step of a target: ids int [b], those before `position` (of 0 they are not
        read, `begin` is); valid bool [b, s] -> (logits float32 [b, c] or [b, v], cache)."""
        b, s = valid.shape
        last = self._target(kind, ids[:, None], jnp.maximum(position - 1, 0))
        x = jnp.where(position == 0, self._begin(kind, b), last)
        if self.kernel and kind == "image":
            seen = Written(valid, position)
        else:
            length = jax.tree.leaves(cache)[0].shape[-2] - s
            written = jnp.broadcast_to(jnp.arange(length) <= position, (b, length))
            seen = key_mask(jnp.concatenate([valid, written], axis=1))
        x, cache = self.blocks(x, seen, None, cache, s + position)
        return self.logits(kind, self.norm(x)[:, 0]), cache

    # ---- embeddings -----------------------------------------------------------------------------

    def _source(self, source):
        """(image ids int [b, n] or None, word ids int [b, t] or None) -> ([b, s, d], valid bool
        [b, s]): the image, and after it the words, of which the padding is not seen."""
        image, words = source
        parts, valid = [], []
        if image is not None:
            parts.append(self._tokens(image, SOURCE, 0))
            valid.append(jnp.ones(image.shape, bool))
        if words is not None:
            parts.append(self._words(words, SOURCE, 0))
            valid.append(words > 0)
        return jnp.concatenate(parts, axis=1), jnp.concatenate(valid, axis=1)

    def _target(self, kind, ids, start):
        read = self._tokens if kind == "image" else self._words
        return read(ids, TARGET, start)

    def _begin(self, kind, batch):
        vector = self.begins[KINDS.index(kind)] + self.segments[TARGET]
        return jnp.broadcast_to(vector, (batch, 1, self.width)).astype(self.dtype)

    def _tokens(self, ids, segment, start):
        return self._placed(self.code_table(), self.positions(), ids, segment, start)

    def _words(self, ids, segment, start):
        return self._placed(self.word_table, self.word_positions, ids, segment, start)

    def _placed(self, table, positions, ids, segment, start):
        places = start + jnp.arange(ids.shape[1])
        x = embed(table, ids) + jnp.take(positions, places, axis=0) + self.segments[segment]
        return x.astype(self.dtype)

    def __call__(self, image, words):
        """Touches every parameter once, to initialise: ids int [b, n] and [b, t]."""
        drawn = self.states((None, words), "image", image)
        said = self.states((image, None), "text", words[:, :-1])
        seen = self.latents(drawn[:, 1:]) if self.latent_width else None
        return self.logits("image", drawn), self.logits("text", said), seen
