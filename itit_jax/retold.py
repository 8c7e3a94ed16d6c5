"""Texts for a frozen tower that was trained on words of its own.

A run reads and writes texts in one vocabulary. Where a recipe `reads` them in another, the streams
carry both: what is written as "text", what is read as READ.
"""

import functools
from typing import Protocol

import numpy as np

READ = "read"  # the array of a batch beside its "text"
KEPT = 100_000  # texts that are remembered


class Readable(Protocol):
    """What a recipe gives as `reads`."""

    digest: str  # hex; other words have another
    length: int  # ids of a text

    def encode(self, text: str, length: int = 0) -> np.ndarray:
        """-> int32 [self.length], whatever `length`."""

    def count(self, text: str) -> int:
        """Ids of a whole text, also of one that is longer."""

    def unknown(self, text: str) -> float:
        """Share of the pieces of a text that say nothing to it."""


def of(recipe) -> Readable | None:
    """The words that a recipe reads in where they are not those it writes in."""
    return getattr(recipe, "reads", None)


def told(recipe):
    """{companion: digest} of these words; {} where there are none."""
    words = of(recipe)
    return {"words of the tower": words.digest} if words else {}


def read(recipe, texts):
    """Strings -> {READ: int32 [b, t]}; {} of a recipe that reads what it writes."""
    words = of(recipe)
    return {READ: np.stack([words.encode(text) for text in texts])} if words else {}


class Retold:
    """Ids of the run's vocabulary -> those of the same texts in the other words."""

    def __init__(self, written, words):
        self._of = functools.lru_cache(KEPT)(
            lambda row: words.encode(written.decode(np.frombuffer(row, np.int32)))
        )

    def __call__(self, ids):
        """int32 [b, t] -> int32 [b, t']."""
        return np.stack([self._of(np.asarray(row, np.int32).tobytes()) for row in ids])
