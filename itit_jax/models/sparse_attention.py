"""Attention over a grid of image tokens by blocks of lines: all pairs of them are never made."""

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from itit_jax.models.attention import MASKED, Attention, empty_cache, prefix_causal_mask
from itit_jax.models.layers import Stack, rematerialised
from itit_jax.models.sparse_patterns import PERIOD, Pattern, Sight, Written


def attend(query, key, value, sight, pattern):
    """query, key, value [b, heads, q, e] of a whole sequence, scaled -> [b, heads, q, e]."""
    grid = slice(sight.grid, sight.grid + pattern.tokens)
    near = _grid(query[:, :, grid], key, value, sight, pattern)
    places, keys = sight.others(pattern.tokens)
    if not len(places):
        return near
    mask = prefix_causal_mask(sight.valid, sight.targets, places)[..., :keys]
    first = slice(int(places[0]), int(places[-1]) + 1)
    rest = _mix(query[:, :, first], key[:, :, :keys], value[:, :, :keys], mask)
    return jnp.concatenate([rest, near] if sight.causal else [near, rest], axis=2)


def _mix(query, key, value, mask):
    logits = jnp.einsum("bhqe,bhke->bhqk", query, key).astype(jnp.float32)
    weights = jax.nn.softmax(jnp.where(mask, logits, MASKED), axis=-1).astype(value.dtype)
    return jnp.einsum("bhqk,bhke->bhqe", weights, value)


def _grid(query, key, value, sight, pattern):
    """Tokens [b, heads, n, e] of the grid look at those near them, and at what is beside it."""
    grid = slice(sight.grid, sight.grid + pattern.tokens)
    beside, seen = sight.beside(pattern.tokens)
    lines = _lines(query, pattern)
    keys, values = (
        _window(_lines(x[:, :, grid], pattern), pattern, sight.causal) for x in (key, value)
    )
    logits = jnp.einsum("bhlqe,bhlke->bhlqk", lines, keys).astype(jnp.float32)
    logits = jnp.where(_seen(pattern, sight.causal), logits, MASKED)
    count = keys.shape[3]
    if beside.stop > beside.start:
        apart = jnp.einsum("bhlqe,bhke->bhlqk", lines, key[:, :, beside]).astype(jnp.float32)
        apart = jnp.where(seen[:, None, None, None], apart, MASKED)
        logits = jnp.concatenate([logits, apart], axis=-1)
    weights = jax.nn.softmax(logits, axis=-1).astype(value.dtype)
    mixed = jnp.einsum("bhlqk,bhlke->bhlqe", weights[..., :count], values)
    if beside.stop > beside.start:
        mixed += jnp.einsum("bhlqk,bhke->bhlqe", weights[..., count:], value[:, :, beside])
    return _unlined(mixed, pattern)


def _lines(x, pattern):
    """[b, heads, n, e] -> [b, heads, lines, k, e]: the rows of the grid, or its columns."""
    lines = x.reshape(*x.shape[:2], pattern.rows, pattern.columns, x.shape[-1])
    return jnp.swapaxes(lines, 2, 3) if pattern.near == "column" else lines


def _unlined(x, pattern):
    x = jnp.swapaxes(x, 2, 3) if pattern.near == "column" else x
    return x.reshape(*x.shape[:2], pattern.tokens, x.shape[-1])


def spans(pattern, causal):
    """(lines before, lines behind) its own that a line looks at."""
    half = pattern.kernel // 2
    before, behind = {
        "row": (int(causal), 0),
        "column": (0, 0),
        "convolution": (half + -(-half // pattern.columns), 0) if causal else (half, half),
    }[pattern.near]
    return min(before, pattern.rows - 1), min(behind, pattern.rows - 1)


def keys_of(pattern, causal):
    """How many tokens of the grid each one is multiplied with, seen or not."""
    before, behind = spans(pattern, causal)
    line = pattern.rows if pattern.near == "column" else pattern.columns
    return (before + behind + 1) * line


def _window(x, pattern, causal):
    """Lines [b, heads, lines, k, e] -> what each looks at [b, heads, lines, keys, e]: itself and
    its neighbours, where there are none zeros."""
    before, behind = spans(pattern, causal)
    if before + behind == 0:
        return x
    padded = jnp.pad(x, ((0, 0), (0, 0), (before, behind), (0, 0), (0, 0)))
    shifted = [padded[:, :, i : i + x.shape[2]] for i in range(before + behind + 1)]
    return jnp.concatenate(shifted, axis=3)


def _seen(pattern, causal):
    """Which of these its tokens see: numpy bool [lines, k, keys]."""
    before, behind = spans(pattern, causal)
    places = np.arange(pattern.tokens).reshape(pattern.rows, pattern.columns)
    places = places.T if pattern.near == "column" else places
    padded = np.pad(places, ((before, behind), (0, 0)), constant_values=-1)
    shifted = [padded[i : i + len(places)] for i in range(before + behind + 1)]
    keys = np.concatenate(shifted, axis=1)[:, None]
    return pattern.sees(places[..., None], keys, causal) & (keys >= 0)


# ---- layers ------------------------------------------------------------------------------------


class SparseAttention(Attention):
    """Attention whose mask may be a Sight or a Written."""

    pattern: Pattern | None = None

    def __call__(self, x, mask=None, bias=None, cache=None, index=0):
        """As Attention."""
        if isinstance(mask, Written):
            mask, index = mask.seen(self.pattern, cache["key"].shape[2])
        return super().__call__(x, mask, bias, cache, index)

    def attend(self, query, key, value, mask, bias=None):
        """As Attention."""
        if not isinstance(mask, Sight):
            return super().attend(query, key, value, mask, bias)
        length = query.shape[2]  # a cache has room for more
        return attend(query, key[:, :, :length], value[:, :, :length], mask, self.pattern)


class Period(nn.Module):
    """Blocks one after another, each with its own pattern."""

    block: type[nn.Module]
    arguments: Any  # keyword arguments of the block, but its mixer
    patterns: tuple[Pattern, ...]
    remat: str = "none"
    scanned: bool = False

    @nn.compact
    def __call__(self, x, mask=None, bias=None, cache=None, index=0):
        """x [b, n, d]; cache: that of each block, or None. Returns (x, caches)."""
        block, caches = rematerialised(self.block, self.remat, self.scanned), []
        for i, pattern in enumerate(self.patterns):
            mixer = functools.partial(SparseAttention, pattern=pattern)
            layer = block(**self.arguments, mixer=mixer, name=f"layers_{i}")
            x, mine = layer(x, mask, bias, None if cache is None else cache[i], index)
            caches.append(mine)
        return x, None if cache is None else tuple(caches)


class SparseStack(nn.Module):
    """As layers.Stack, of blocks with these patterns: whole periods are scanned, the rest is not.

    A cache is {"periods": those of the layers of one [periods, b, ...], "rest": [b, ...] each}.
    """

    block: type[nn.Module]
    arguments: Any
    patterns: tuple[Pattern, ...]
    scan: bool = True
    remat: str = "none"

    def setup(self):
        first, rest = periods(self.patterns, self.scan)
        arguments = dict(block=self.block, arguments=self.arguments, remat=self.remat)
        if first:
            inner = arguments | dict(patterns=self.patterns[:PERIOD], scanned=True)
            self.periods = Stack(Period, inner, first)
        self.rest = Period(**arguments, patterns=rest)

    def __call__(self, x, mask=None, bias=None, cache=None, index=0):
        """x [b, n, d]; mask: a Sight, a Written, or what Attention takes. Returns (x, cache)."""
        new, mine = {}, None
        if periods(self.patterns, self.scan)[0]:
            mine = None if cache is None else cache["periods"]
            x, new["periods"] = self.periods(x, mask, bias, mine, index)
        x, new["rest"] = self.rest(x, mask, bias, None if cache is None else cache["rest"], index)
        return x, None if cache is None else new


def periods(patterns, scan):
    """-> (number of whole periods that are scanned, patterns of the layers behind them)."""
    first = (len(patterns) - 1) // PERIOD if scan else 0
    return first, patterns[first * PERIOD :]


def empty_caches(patterns, scan, lengths, sizes):
    """Cache of a SparseStack. lengths: places of each layer's; sizes: the other arguments of
    attention.empty_cache by name."""
    first, rest = periods(patterns, scan)
    one = lambda length: empty_cache(1, length=length, **sizes, scan=False)[0]
    caches = {"rest": tuple(map(one, lengths[-len(rest) :]))}
    if first:
        stacked = functools.partial(empty_cache, first, **sizes)
        caches["periods"] = tuple(stacked(length=length) for length in lengths[:PERIOD])
    return caches
