"""Any vocabulary with the ids of T5's layout, by which models here know where a text ends.

    0      padding
    1      the end
    2 + i  the id i of theirs

Their own begin, end and padding say nothing here: they are left out of what is encoded.
"""

import hashlib
from collections.abc import Iterable

import numpy as np

from data_pipelines.words.base import Words, ended, until

PAD, END, FIRST = 0, 1, 2


def in_t5_layout(words: Words) -> Words:
    """The vocabulary itself where it has that layout, or its ids put into it."""
    return words if (words.pad, words.end) == (PAD, END) else T5Layout(words)


class T5Layout:
    """Words, see data_pipelines.words.base."""

    pad, end, begin = PAD, END, PAD

    def __init__(self, theirs: Words):
        self._theirs = theirs
        self.size = theirs.size + FIRST
        self.digest = hashlib.sha256(f"{FIRST} + {theirs.digest}".encode()).hexdigest()

    def _ids(self, text):
        whole = self._theirs.encode(text, self._theirs.count(text))
        silent = {self._theirs.begin, self._theirs.end, self._theirs.pad}
        return [FIRST + int(i) for i in whole if i not in silent]

    def encode(self, text: str, length: int) -> np.ndarray:
        """-> int32 [length]: ids, the end, padding. A longer text is cut and still ended."""
        return ended(self._ids(text), length, END, PAD)

    def decode(self, ids: Iterable[int]) -> str:
        """Text up to the first end or padding."""
        return self._theirs.decode([i - FIRST for i in until(ids, (END, PAD))])

    def count(self, text: str) -> int:
        """Ids of a whole text, the end included."""
        return len(self._ids(text)) + 1

    def unknown(self, text: str) -> float:
        """Share of the pieces of a text that they have no id for."""
        return self._theirs.unknown(text)

    def files(self) -> dict[str, bytes]:
        """{name: bytes} of a folder that opens as their vocabulary."""
        return self._theirs.files()
