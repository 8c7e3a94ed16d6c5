"""Transformer blocks, the stack that repeats them, and small parts shared by the networks."""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from itit_jax.models import products
from itit_jax.models.attention import Attention
from itit_jax.sharding import constrain

REMAT_POLICIES = {
    "full": None,  # keep nothing inside a block
    "dots": jax.checkpoint_policies.dots_with_no_batch_dims_saveable,
}


class MLP(nn.Module):
    """width -> mlp_width -> width with an activation between.

    Rows are flattened: the gradient of two-dimensional products is twice as fast on a CPU.
    """

    mlp_width: int
    dtype: jnp.dtype = jnp.float32
    activation: Callable = nn.gelu  # the approximation with tanh

    @nn.compact
    def __call__(self, x):
        """[b, n, d] -> [b, n, d]."""
        rows = x.reshape(-1, x.shape[-1])
        dense = functools.partial(nn.Dense, dtype=self.dtype, dot_general=products.dot_general)
        hidden = self.activation(dense(self.mlp_width, name="up")(rows))
        return dense(x.shape[-1], name="down")(hidden).reshape(x.shape)


class Block(nn.Module):
    """Pre-norm Transformer block (ViT). Dropout acts when the caller passes a "dropout" key."""

    heads: int
    mlp_width: int
    dropout: float = 0.0
    dtype: jnp.dtype = jnp.float32
    activation: Callable = nn.gelu
    epsilon: float = 1e-6
    mixer: Callable = Attention

    @nn.compact
    def __call__(self, x, mask=None, bias=None, cache=None, index=0):
        """x [b, n, d] -> ([b, n, d], cache); the arguments are those of Attention."""
        norm = lambda name: nn.LayerNorm(self.epsilon, self.dtype, name=name)
        drop = nn.Dropout(self.dropout, deterministic=not self.has_rng("dropout"))
        attention = self.mixer(
            self.heads, x.shape[-1] // self.heads, dtype=self.dtype, name="attention"
        )
        normed = norm("attention_norm")(x)
        mixed, cache = attention(normed, mask, bias, cache, index)
        x = constrain(x + drop(mixed), ("data", "fsdp"), None, None)
        mlp = MLP(self.mlp_width, self.dtype, self.activation, name="mlp")
        x = x + drop(mlp(norm("mlp_norm")(x)))
        return constrain(x, ("data", "fsdp"), None, None), cache


def rematerialised(block, remat, scanned):
    """The block, of which a gradient computes again what the policy does not keep."""
    if remat == "none":
        return block
    return nn.remat(block, policy=REMAT_POLICIES[remat], prevent_cse=not scanned)


class Stack(nn.Module):
    """`depth` equal blocks, scanned into parameters with a leading layer axis, or unrolled.

    Scanned parameters lie under "layers" [depth, ...]; unrolled ones under "layers_0", ...
    """

    block: type[nn.Module]
    arguments: Any  # keyword arguments of the block
    depth: int
    scan: bool = True
    remat: str = "none"

    @nn.compact
    def __call__(self, x, mask=None, bias=None, cache=None, index=0):
        """x [b, n, d]; cache as `empty_cache` makes it, or None. Returns (x, cache)."""
        block = rematerialised(self.block, self.remat, self.scan)
        if self.scan:
            layers = nn.scan(
                block,
                variable_axes={"params": 0},
                split_rngs={"params": True, "dropout": True},
                in_axes=(nn.broadcast, nn.broadcast, 0, nn.broadcast),
                out_axes=0,
                length=self.depth,
            )
            return layers(**self.arguments, name="layers")(x, mask, bias, cache, index)
        caches = []
        for i in range(self.depth):
            mine = None if cache is None else cache[i]
            x, mine = block(**self.arguments, name=f"layers_{i}")(x, mask, bias, mine, index)
            caches.append(mine)
        return x, None if cache is None else tuple(caches)


class TokenTable(nn.Module):
    """Embeddings of tokens that have known features: table = free + features @ projection.

    `features` [tokens, f] tie tokens that share them: the digits of an FSQ code, the vector
    of a VQ code. None leaves the free table alone. The same table embeds and classifies.
    """

    tokens: int
    width: int
    features: Any = None  # numpy [tokens, f]

    @nn.compact
    def __call__(self):
        """-> [tokens, width]."""
        init = nn.initializers.normal(0.02)
        table = self.param("embedding", init, (self.tokens, self.width))
        if self.features is not None:
            features = jnp.asarray(self.features)
            shape = (features.shape[-1], self.width)
            table = table + features @ self.param("projection", init, shape)
        return table


class GridPositions(nn.Module):
    """Learned 2-D positions: row vector + column vector."""

    side: int
    width: int

    @nn.compact
    def __call__(self):
        """-> [n, d], n = side * side."""
        init = nn.initializers.normal(0.02)
        rows = self.param("rows", init, (self.side, self.width))
        columns = self.param("columns", init, (self.side, self.width))
        return (rows[:, None] + columns[None]).reshape(self.side**2, self.width)


def classify(x, table):
    """Products of x [b, t, d] -> [b, t, v], or of one place each [b, d] -> [b, v], with the rows
    of `table` [v, d], summed and given in float32.

    There the table stands first: for one row XLA would turn all of it round at each word of a loop.
    In bfloat16 the two best of 8,192 codes would be equal in one of 30 tokens.
    """
    product = functools.partial(jnp.matmul, preferred_element_type=jnp.float32)
    return product(table, x.T).T if x.ndim == 2 else product(x, table.T)


def embed(table, tokens):
    """Rows of `table` [v, d] for int ids [...] or probability rows [..., v] -> [..., d].

    Rows let gradient flow into whoever produced the tokens (the cycles of ITIT).
    """
    if jnp.issubdtype(tokens.dtype, jnp.integer):
        return jnp.take(table, tokens, axis=0)
    return tokens.astype(table.dtype) @ table
