"""Multi-head attention with an explicit key/value cache. No state lives in the module."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from itit_jax.models import products

MASKED = -1e9  # finite, so that a row with every key masked stays finite


class Attention(nn.Module):
    """Attention; kernels stay two-dimensional, so that Adafactor can factor them.

    `scaled=False` and `use_bias=False` give T5's attention (papers.md 4.1), which folds
    1/sqrt(head_width) into the initialisation of the query.
    """

    heads: int
    head_width: int
    use_bias: bool = True
    scaled: bool = True
    init_std: float | None = None
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x, mask=None, bias=None, cache=None, index=0, *, source=None):
        """x [b, q, d]; mask bool, bias float, both broadcast to [b, heads, q, k].

        Keys and values are those of x itself, or of source [b, k, d] where there is one.
        cache: {"key", "value"} [b, heads, k, head_width] of all positions, or None. The
        keys and values of x are written at `index`, and x attends to the whole cache.
        Returns ([b, q, d], cache).

        Heads stand before positions, and projections work on flattened rows: both make the
        products several times faster on a CPU and change nothing elsewhere.
        """
        inner = self.heads * self.head_width
        rows = seen = x.reshape(-1, x.shape[-1])
        if source is not None:
            seen = source.reshape(-1, source.shape[-1])
        shape = x.shape if source is None else source.shape
        query = self._split(self._dense(inner, "query")(rows), x.shape)
        key, value = (
            self._split(self._dense(inner, name)(seen), shape) for name in ("key", "value")
        )
        if cache is not None:
            cache = {
                "key": jax.lax.dynamic_update_slice_in_dim(cache["key"], key, index, axis=2),
                "value": jax.lax.dynamic_update_slice_in_dim(cache["value"], value, index, axis=2),
            }
            key, value = cache["key"], cache["value"]
        if self.scaled:
            query = query * self.head_width**-0.5
        mixed = self.attend(query, key, value, mask, bias).transpose(0, 2, 1, 3)
        out = self._dense(x.shape[-1], "out")(mixed.reshape(-1, inner))
        return out.reshape(x.shape), cache

    def attend(self, query, key, value, mask=None, bias=None):
        """query [b, heads, q, e], scaled; key, value [b, heads, k, e] -> [b, heads, q, e]."""
        logits = jnp.einsum("bhqk,bhsk->bhqs", query, key).astype(jnp.float32)
        if bias is not None:
            logits = logits + bias
        if mask is not None:
            logits = jnp.where(mask, logits, MASKED)
        weights = jax.nn.softmax(logits, axis=-1).astype(self.dtype)
        return jnp.einsum("bhqs,bhsk->bhqk", weights, value)

    def _split(self, rows, shape):
        heads = rows.reshape(*shape[:-1], self.heads, self.head_width)
        return heads.transpose(0, 2, 1, 3)

    def _dense(self, features, name):
        if self.init_std is None:
            init = nn.initializers.xavier_uniform()
        else:
            scale = self.head_width**-0.5 if name == "query" and not self.scaled else 1.0
            init = nn.initializers.normal(self.init_std * scale)
        return nn.Dense(
            features, use_bias=self.use_bias, kernel_init=init, dtype=self.dtype, name=name,
            dot_general=products.dot_general,
        )  # fmt: skip


def empty_cache(depth, batch, length, heads, head_width, dtype=jnp.float32, *, scan=True):
    """Cache of a stack: zeros [depth, batch, heads, length, head_width] for keys and values; of an
    unrolled one a tuple of [batch, heads, length, head_width] for each layer, so that a step writes
    its places and no more (an axis of 1 in front, and XLA copies the whole at each word)."""
    shape = (batch, heads, length, head_width)
    zeros = lambda *layers: {name: jnp.zeros((*layers, *shape), dtype) for name in ("key", "value")}
    return zeros(depth) if scan else tuple(zeros() for _ in range(depth))


def key_mask(valid):
    """valid bool [b, k] -> attention mask [b, 1, 1, k]: every query sees the valid keys."""
    return valid[:, None, None, :]


def prefix_causal_mask(prefix_valid, words, queries=None):
    """Mask of [prefix ; words]: bool [b, 1, p + words, p + words] (GIT, papers.md 4.5; UniLM).

    The prefix sees its valid part only; a word sees the valid prefix, earlier words, itself.
    queries: the places whose rows are made; None: all.
    """
    p = prefix_valid.shape[1]
    position = jnp.arange(p + words)
    query = (position if queries is None else queries)[:, None]
    causal = (position[None, :] < p) | (position[None, :] <= query)
    valid = jnp.pad(prefix_valid, ((0, 0), (0, words)), constant_values=True)
    back = (query < p) & (position[None, :] >= p)
    return causal[None, None] & valid[:, None, None, :] & ~back
