"""SentencePiece in T5's layout: pad 0, end 1, unknown 2, no begin."""

import hashlib
from collections.abc import Iterable

import numpy as np
import sentencepiece

from data_pipelines.errors import UserError
from data_pipelines.files import located
from data_pipelines.words.base import ended, until

PAD, END, UNKNOWN = 0, 1, 2
FILE = "vocabulary.model"


class Pieces:
    """Words of a SentencePiece model file. As in T5, a decoder begins with the padding."""

    begin, end, pad = PAD, END, PAD

    def __init__(self, path):
        file = located(path)
        if not file.is_file():
            raise UserError(f"the vocabulary {path} does not exist; give a SentencePiece model.")
        self.path = str(path)
        self._data = file.read_bytes()
        self.digest = hashlib.sha256(self._data).hexdigest()
        try:
            self._model = sentencepiece.SentencePieceProcessor(model_proto=self._data)
        except RuntimeError as error:
            raise UserError(f"{path} is no SentencePiece model; give another file.") from error
        if (self._model.pad_id(), self._model.eos_id()) != (PAD, END):
            raise UserError(
                f"{path} has not T5's layout (pad 0, end 1); "
                "train one by python -m data_pipelines.words.train."
            )
        self.size = self._model.vocab_size()

    def encode(self, text: str, length: int) -> np.ndarray:
        """-> int32 [length]: ids, the end, padding. A longer text is cut and still ended."""
        return ended(self._model.encode(text), length, END, PAD)

    def count(self, text: str) -> int:
        """Ids of a whole text, the end included."""
        return len(self._model.encode(text)) + 1

    def decode(self, ids: Iterable[int]) -> str:
        """Text up to the first end or padding. Ids past the vocabulary read as unknown."""
        kept = until(ids, (PAD, END))
        return self._model.decode([i if 0 <= i < self.size else UNKNOWN for i in kept])

    def unknown(self, text: str) -> float:
        """Share of the pieces of a text that it has no id for, so that they say nothing."""
        ids = self._model.encode(text)
        return ids.count(UNKNOWN) / max(len(ids), 1)

    def files(self) -> dict[str, bytes]:
        """{name: bytes} of a folder that opens as these words."""
        return {FILE: self._data}
