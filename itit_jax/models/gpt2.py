"""GPT-2 behind a prefix of vectors, and the mapper that makes such a prefix (ClipCap, C3).

    vector [b, e] ─ mapper ─ prefix [b, p, d] ─┐
                                               ├ causal blocks ─ logits of the next word
    words [b, t] ─────────── embeddings ───────┘

There is no id that begins a text: the last vector of the prefix is read before the first word.
Positions are those of GPT-2, so the words stand at p, p + 1, ...
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from itit_jax.models.attention import empty_cache
from itit_jax.models.layers import Block, Stack, classify


class PrefixMapper(nn.Module):
    """ClipCap's MLP: e -> p d / 2, tanh, -> p d (papers.md 2.2, step 5)."""

    prefix: int
    width: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, vectors):
        """[b, e] -> [b, p, d]."""
        total = self.prefix * self.width
        hidden = nn.tanh(nn.Dense(total // 2, dtype=self.dtype, name="up")(vectors))
        out = nn.Dense(total, dtype=self.dtype, name="down")(hidden)
        return out.reshape(len(vectors), self.prefix, self.width)


class GPT2(nn.Module):
    """Pre-norm causal Transformer; one table embeds and classifies words."""

    width: int
    depth: int
    heads: int
    mlp_width: int
    vocabulary_size: int
    positions: int  # of prefix and words together
    dropout: float = 0.0
    scan: bool = True
    remat: str = "none"
    dtype: jnp.dtype = jnp.float32

    def setup(self):
        init = nn.initializers.normal(0.02)
        self.word_table = self.param("word_embedding", init, (self.vocabulary_size, self.width))
        self.position_table = self.param("word_positions", init, (self.positions, self.width))
        arguments = dict(
            heads=self.heads, mlp_width=self.mlp_width, dropout=self.dropout, dtype=self.dtype,
            epsilon=1e-5,
        )  # fmt: skip
        self.blocks = Stack(Block, arguments, self.depth, self.scan, self.remat)
        self.norm = nn.LayerNorm(1e-5, self.dtype)

    def __call__(self, prefix, words):
        """Teacher-forced: prefix [b, p, d], words int [b, t] -> logits float32 [b, t, v].

        Position l sees the prefix and the words before l, and predicts word l.
        """
        x = jnp.concatenate([prefix, self._embed(words[:, :-1])], axis=1)
        x = self._placed(x, 0)
        causal = jnp.tril(jnp.ones((x.shape[1], x.shape[1]), bool))
        x, _ = self.blocks(x, causal[None, None])
        return self._logits(x[:, prefix.shape[1] - 1 :])

    def prefill(self, prefix, length):
        """Reads all of the prefix [b, p, d] but its last vector -> the cache of `step`, with room
        for `length` words."""
        b, p, _ = prefix.shape
        places = p + length
        cache = empty_cache(
            self.depth, b, places, self.heads, self.width // self.heads, self.dtype, scan=self.scan
        )
        if p > 1:
            seen = jnp.arange(places)[None] <= jnp.arange(p - 1)[:, None]
            first = self._placed(prefix[:, :-1], 0)
            _, cache = self.blocks(first, seen[None, None], None, cache, 0)
        return {"blocks": cache, "last": prefix[:, None, -1:]}  # like keys of one head and place

    def step(self, cache, words, position, prefix):
        """One cached step behind `prefix` vectors: words int [b], those before `position`; at 0
        the last vector of the prefix is read instead. -> (logits float32 [b, v], cache)."""
        last, cache = cache["last"], cache["blocks"]
        x = jnp.where(position == 0, last[:, 0], self._embed(words)[:, None])
        place = prefix - 1 + position
        seen = jnp.arange(jax.tree.leaves(cache)[0].shape[-2]) <= place
        x, cache = self.blocks(self._placed(x, place), seen[None, None, None], None, cache, place)
        return self._logits(x[:, 0]), {"blocks": cache, "last": last}

    def _embed(self, words):
        return jnp.take(self.word_table, words, axis=0).astype(self.dtype)

    def _placed(self, x, start):
        positions = start + jnp.arange(x.shape[1])
        return (x + jnp.take(self.position_table, positions, axis=0)).astype(self.dtype)

    def _logits(self, x):
        return classify(self.norm(x), self.word_table.astype(self.dtype))


class PrefixCaptioner(nn.Module):
    """Vector -> words."""

    mapper: PrefixMapper
    decoder: GPT2

    def __call__(self, vectors, words):
        """Teacher-forced: vectors [b, e], words int [b, t] -> logits float32 [b, t, v]."""
        return self.decoder(self.mapper(vectors), words)

    def prefill(self, vectors, length):
        """Vectors [b, e] -> the cache of `step`, with room for `length` words."""
        return self.decoder.prefill(self.mapper(vectors), length)

    def step(self, cache, words, position):
        """One cached step, see GPT2.step."""
        return self.decoder.step(cache, words, position, self.mapper.prefix)
