"""The T5 1.1 encoder, its mathematics bit for bit (papers.md 4.1).

RMSNorm, no biases, no scaling of attention logits, one relative-position bias table that all
layers share, gated tanh-GELU. The embedding also takes probability rows, so that the cycle
image -> text -> image can differentiate through a frozen encoder.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from itit_jax.models import products
from itit_jax.models.attention import Attention, key_mask
from itit_jax.models.layers import Stack, embed
from itit_jax.sharding import constrain

PAD, EOS = 0, 1  # of its vocabulary, which has no begin: T5's decoders start from PAD
BUCKETS = 32
MAX_DISTANCE = 128


def relative_buckets(length):
    """Bucket of (key - query) for bidirectional attention: int32 [length, length].

    Built in float64: distances 16, 32 and 64 lie exactly on bucket borders.
    """
    distance = np.arange(length)[None, :] - np.arange(length)[:, None]
    half, exact = BUCKETS // 2, BUCKETS // 4
    size = np.abs(distance)
    ratio = np.log(np.maximum(size, 1) / exact) / np.log(MAX_DISTANCE / exact)
    far = np.minimum(exact + (ratio * (half - exact)).astype(np.int64), half - 1)
    return np.where(distance > 0, half, 0) + np.where(size < exact, size, far)


def near_first(key, shape, dtype=jnp.float32):
    """Start of a bias table [BUCKETS, h]: normal of width 1.5, less a slope over the distance.

    Wide, as in published weights: with a narrow start attention is blind to word order for long,
    and a drawer trained from scratch mixes up which words describe which object. Slopes from 1 to
    1/8 over the heads (ALiBi, arXiv 2108.12409): words are read with their neighbours, from seed
    to seed alike (results/search.md).
    """
    away = jnp.arange(BUCKETS) % (BUCKETS // 2)  # either side
    slopes = jnp.geomspace(1.0, 1 / 8, shape[1])
    return 1.5 * jax.random.normal(key, shape, dtype) - away[:, None] * slopes.astype(dtype)


class RMSNorm(nn.Module):
    """x / rms(x) * scale, computed in float32, epsilon 1e-6."""

    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x):
        """[..., d] -> [..., d]."""
        scale = self.param("scale", nn.initializers.ones, (x.shape[-1],))
        x = x.astype(jnp.float32)
        x = x / jnp.sqrt(jnp.mean(jnp.square(x), axis=-1, keepdims=True) + 1e-6)
        return (x * scale).astype(self.dtype)


class GatedMLP(nn.Module):
    """wo(gelu_tanh(x wi_0) * x wi_1)."""

    mlp_width: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x):
        """[b, t, d] -> [b, t, d]."""
        def dense(features, name):
            std = nn.initializers.variance_scaling(1.0, "fan_in", "normal")
            return nn.Dense(
                features, False, self.dtype, kernel_init=std, name=name,
                dot_general=products.dot_general,
            )  # fmt: skip

        rows = x.reshape(-1, x.shape[-1])
        gate = nn.gelu(dense(self.mlp_width, "wi_0")(rows), approximate=True)
        hidden = gate * dense(self.mlp_width, "wi_1")(rows)
        return dense(x.shape[-1], "wo")(hidden).reshape(x.shape)


class T5Block(nn.Module):
    """RMSNorm -> attention -> add; RMSNorm -> gated MLP -> add."""

    heads: int
    head_width: int
    mlp_width: int
    init_std: float
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x, mask=None, bias=None, cache=None, index=0):
        """[b, t, d] -> ([b, t, d], cache), called as layers.Block so that Stack repeats either."""
        attention = Attention(
            self.heads,
            self.head_width,
            use_bias=False,
            scaled=False,
            init_std=self.init_std,
            dtype=self.dtype,
            name="attention",
        )
        normed = RMSNorm(self.dtype, name="attention_norm")(x)
        mixed, cache = attention(normed, mask, bias, cache, index)
        x = constrain(x + mixed, ("data", "fsdp"), None, None)
        normed = RMSNorm(self.dtype, name="mlp_norm")(x)
        x = x + GatedMLP(self.mlp_width, self.dtype, name="mlp")(normed)
        return constrain(x, ("data", "fsdp"), None, None), cache


class T5Encoder(nn.Module):
    """Token ids or rows -> features."""

    vocabulary_size: int
    width: int
    mlp_width: int
    depth: int
    heads: int
    head_width: int = 64
    scan: bool = True
    remat: str = "none"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, tokens, valid):
        """tokens int [b, t] or rows [b, t, v]; valid bool [b, t] -> features [b, t, e]."""
        init = nn.initializers.normal(1.0)
        table = self.param("token_embedding", init, (self.vocabulary_size, self.width))
        x = embed(table, tokens).astype(self.dtype)
        bias_table = self.param("relative_bias", near_first, (BUCKETS, self.heads))
        bias = jnp.take(bias_table, relative_buckets(tokens.shape[1]), axis=0)
        arguments = dict(
            heads=self.heads,
            head_width=self.head_width,
            mlp_width=self.mlp_width,
            init_std=self.width**-0.5,
            dtype=self.dtype,
        )
        stack = Stack(T5Block, arguments, self.depth, self.scan, self.remat, name="encoder")
        x, _ = stack(x, key_mask(valid), bias.transpose(2, 0, 1)[None].astype(jnp.float32))
        return RMSNorm(self.dtype, name="final_norm")(x)
