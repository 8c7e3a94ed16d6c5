"""What the code asks of a vocabulary, whichever library holds it."""

from collections.abc import Iterable
from typing import Protocol

import numpy as np


class Words(Protocol):
    """Texts <-> ids."""

    size: int  # ids are below it
    digest: str  # hex SHA-256 of the files; another vocabulary has another
    begin: int  # the id before the first word, for a decoder to start from
    end: int  # the id that ends a text
    pad: int  # what stands behind the end; may be the end again

    def encode(self, text: str, length: int) -> np.ndarray:
        """-> int32 [length]: ids, the end, padding. A longer text is cut and still ended."""

    def decode(self, ids: Iterable[int]) -> str:
        """Text up to the first end or padding, whatever the ids are."""

    def count(self, text: str) -> int:
        """Ids of a whole text, the end included."""

    def unknown(self, text: str) -> float:
        """Share of the pieces of a text that it has no id for, so that they say nothing."""

    def files(self) -> dict[str, bytes]:
        """{name: bytes}: a folder of these is opened as the same vocabulary."""


def ended(ids: list[int], length: int, end: int, pad: int) -> np.ndarray:
    """-> int32 [length]: as many ids as there is room for, the end, padding."""
    kept = [*ids[: length - 1], end]
    return np.array(kept + [pad] * (length - len(kept)), np.int32)


def until(ids: Iterable[int], stops: tuple[int, ...]) -> list[int]:
    """The ids before the first of `stops`, as plain ints."""
    kept = []
    for i in map(int, ids):
        if i in stops:
            break
        kept.append(i)
    return kept
