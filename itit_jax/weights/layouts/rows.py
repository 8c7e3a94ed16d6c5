"""What a layout table is made of: rows of (their name, our path, transform, part)."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

DEEPEST = 1000  # layers; the names and shapes of a file may claim any number


class Transform(NamedTuple):
    """How an array of theirs becomes ours, and back."""

    ours: Callable[[np.ndarray], np.ndarray]
    theirs: Callable[[np.ndarray], np.ndarray]


def _same(x):
    return x


KEEP = Transform(_same, _same)
LINEAR = Transform(np.transpose, np.transpose)  # (out, in) <-> (in, out)
CONV = Transform(lambda x: x.transpose(2, 3, 1, 0), lambda x: x.transpose(3, 2, 0, 1))
# A 1x1 convolution that is a linear map: (out, in, 1, 1) <-> (in, out).
POINT = Transform(lambda x: x[:, :, 0, 0].T, lambda x: x.T[:, :, None, None])


class Part(NamedTuple):
    """Which part of their tensor a row means, where one of theirs holds several of ours.

    `index` of `count` equal parts along `axis`; `stacked`: the parts have no such axis of their own
    (a layer of a scanned stack), otherwise the axis is cut (q, k and v in one matrix).
    """

    axis: int
    index: int
    count: int
    stacked: bool

    def cut(self, x):
        """The part of the whole, a view of it."""
        size = x.shape[self.axis] // self.count
        cut = slice(self.index * size, (self.index + 1) * size)
        return x[(slice(None),) * self.axis + (self.index if self.stacked else cut,)]

    def join(self, parts):
        """The whole of its parts, in order."""
        return (np.stack if self.stacked else np.concatenate)(parts, axis=self.axis)


class Row(NamedTuple):
    """One tensor of theirs, or a part of it, and one parameter of ours."""

    theirs: str
    ours: str
    transform: Transform = KEEP
    part: Part | None = None

    def read(self, x):
        """Ours of theirs."""
        return self.transform.ours(self.part.cut(x) if self.part else x)


class Kind(NamedTuple):
    """A layout: how to know it, its table, and keys that hold nothing to be learned from.

    Rows that neither the file nor our model has fall away.
    """

    sign: str | tuple[str, ...]  # a key that only this layout has, or several, any of which tells
    # Rows for a file of {name: something with a shape}, or for a model of {path: ...}; the latter
    # may be told what parameters do not say, such as heads.
    from_theirs: Callable[..., Iterator[Row]]
    from_ours: Callable[..., Iterator[Row]]
    passed_over: str = r"$^"
    container: str = "safetensors"  # what such weights are written as: files.WRITERS
    again: dict[str, str] = {}  # {a key passed over: the key that it must hold once more}


def count(pattern, names):
    """1 + the largest number that `pattern` finds in the names; 0 without any.

    At most the number of names and DEEPEST, so that layer 999999999 makes no table of that length.
    """
    numbers = (m[1] for n in names if (m := re.match(pattern, n)))
    # Of a number of thousands of digits Python makes none.
    found = max((DEEPEST if len(n) > len(str(DEEPEST)) else int(n) for n in numbers), default=-1)
    return min(1 + found, len(names), DEEPEST)


def norm(theirs, ours):
    """Scale and bias of a normalisation."""
    yield Row(f"{theirs}.weight", f"{ours}/scale")
    yield Row(f"{theirs}.bias", f"{ours}/bias")


def conv(theirs, ours):
    """Kernel and bias of a convolution."""
    yield Row(f"{theirs}.weight", f"{ours}/kernel", CONV)
    yield Row(f"{theirs}.bias", f"{ours}/bias")


def linear(theirs, ours, transform=LINEAR):
    """Kernel and bias of a linear map."""
    yield Row(f"{theirs}.weight", f"{ours}/kernel", transform)
    yield Row(f"{theirs}.bias", f"{ours}/bias")


def layers_of(name, leaf):
    """Unrolled names of a parameter: one, or one a layer where it is stacked."""
    if "layers/" not in name:
        return [name]
    return [name.replace("layers/", f"layers_{i}/", 1) for i in range(leaf.shape[0])]
