"""Which image tokens see each other in a sparse layer (papers.md 3.3), in DALL-E's order of layers.

Layers look along rows, columns, rows, rows, ... and the last one at a neighbourhood. Where the grid
is the target, a token sees the near ones that are left of it and all that stands before the grid;
where it is the source, near ones on every side and a question behind it. Everything outside of the
grid sees what it sees without sparsity.
"""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import struct

from itit_jax.models.attention import key_mask, prefix_causal_mask

PERIOD = 4  # layers after which the order begins again


@dataclasses.dataclass(frozen=True)
class Pattern:
    """What one layer sees of the grid."""

    near: str  # "row", "column" or "convolution"
    rows: int
    columns: int
    kernel: int  # tokens a side that a convolution sees, odd

    @property
    def tokens(self):
        """Of the grid."""
        return self.rows * self.columns

    def sees(self, query, key, causal):
        """Whether the token at `query` sees that at `key`: ints of any shapes, row by row -> bool
        [...]. Causal ones wrap over the edge of a row, as in DALL-E."""
        half, width, back = self.kernel // 2, self.columns, query - key
        down, right = query // width - key // width, query % width - key % width
        if self.near == "column":
            return (right == 0) & ((down >= 0) | (not causal))
        if self.near == "row":
            return (back >= 0) & (back <= width) if causal else down == 0
        if not causal:
            return (abs(down) <= half) & (abs(right) <= half)
        # At most `half` off a multiple of the row, of which the kernel has `half` above its own.
        above = (back + half) // width
        last = (above > half) & (back <= half * width + half)
        return (back >= 0) & ((above <= half) & (back <= above * width + half) | last)

    @property
    def reach(self):
        """Tokens that a causal layer may still look at, the newest included."""
        half, width = self.kernel // 2, self.columns
        furthest = {"row": width, "column": self.tokens, "convolution": half * width + half}
        return min(self.tokens, furthest[self.near] + 1)

    def dense(self, causal):
        """The table of `sees`: numpy bool [n, n]."""
        places = np.arange(self.tokens)
        return self.sees(places[:, None], places[None], causal)


def order(depth, rows, columns, kernel):
    """The Pattern of each of `depth` layers."""
    names = ["column" if i % PERIOD == 1 else "row" for i in range(depth - 1)] + ["convolution"]
    return tuple(Pattern(name, rows, columns, kernel) for name in names)


# ---- what is seen ------------------------------------------------------------------------------


class Sight(struct.PyTreeNode):
    """A sequence [source | target] with a grid in it: at its end, causal, or at its beginning."""

    valid: Any  # bool [b, s] of the source
    targets: int = struct.field(pytree_node=False)  # places of the target
    grid: int = struct.field(pytree_node=False)  # place where the grid begins; 0: it is the source

    @property
    def causal(self):
        """Whether the grid is the target."""
        return self.grid > 0

    def dense(self, pattern):
        """The mask of one layer, bool [b, 1, q, k], all pairs: what the blocks are held against."""
        inside = slice(self.grid, self.grid + pattern.tokens)
        mask = prefix_causal_mask(self.valid, self.targets)
        near = mask[:, :, inside, inside] & pattern.dense(self.causal)
        return mask.at[:, :, inside, inside].set(near)

    def beside(self, tokens):
        """-> (slice of the places that the grid sees beside itself, bool [b, k] which of them)."""
        if self.causal:
            first = jnp.pad(self.valid, ((0, 0), (0, 1)), constant_values=True)  # `begin`
            return slice(0, self.grid), first
        return slice(tokens, self.valid.shape[1]), self.valid[:, tokens:]

    def others(self, tokens):
        """-> (places outside of the grid, number of the first places that they may look at)."""
        length = self.valid.shape[1] + self.targets
        if self.causal:
            return np.arange(self.grid), self.grid
        return np.arange(tokens, length), length


class Written(struct.PyTreeNode):
    """The places of a cache that holds what a causal layer can still see: the source, `begin`, and
    a ring of the newest `Pattern.reach` tokens."""

    valid: Any  # bool [b, s] of the source
    position: Any = None  # of the target, 0: `begin`; None: the source is read

    def seen(self, pattern, length):
        """-> (mask bool [b, 1, 1, length], place of the cache that is written)."""
        b, s = self.valid.shape
        if self.position is None:
            return key_mask(jnp.pad(self.valid, ((0, 0), (0, length - s)))), 0
        token, ring = self.position - 1, length - s - 1
        # Each slot holds the newest token that has its number.
        held = token - (token - jnp.arange(ring)) % ring
        near = (held >= 0) & pattern.sees(token, held, causal=True)
        near = jnp.concatenate([jnp.ones(1, bool), near])
        seen = jnp.concatenate([self.valid, jnp.broadcast_to(near, (b, ring + 1))], axis=1)
        return key_mask(seen), jnp.where(self.position == 0, s, s + 1 + token % ring)
