"""Texts to the ids that a text tower was trained on, from the vocabulary beside its weights."""

import hashlib
import pathlib
import string
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import sentencepiece

from data_pipelines.errors import UserError

PIECES = "spiece.model"
TABLE = "tokenizer.json"
FILES = (PIECES, TABLE)
PUNCTUATION = str.maketrans("", "", string.punctuation)


class TowerWords:
    """The words of a published text tower, as a recipe `reads` in them (itit_jax.retold)."""

    def __init__(self, folder, tower):
        self._words, self.length = open_words(folder, tower), tower.length
        files = (pathlib.Path(folder, name) for name in FILES)
        self._files = {file.name: file.read_bytes() for file in files if file.is_file()}
        self.digest = hashlib.sha256(b"".join(self._files.values())).hexdigest()

    def files(self) -> dict[str, bytes]:
        """{name: bytes} of a folder that opens as these words."""
        return self._files

    def encode(self, text, length=0):
        """-> int32 [self.length], whatever `length`."""
        del length
        return self._words(text)

    def count(self, text):
        """Ids of a whole text, start and end included."""
        return len(self._words.of(text)) + 1

    def unknown(self, text):
        """Share of the pieces of a text that the tower has no id for."""
        ids = self._words.of(text)
        return ids.count(self._words.unknown) / max(len(ids), 1)


class Ids(NamedTuple):
    """Texts -> int32 [tower.length]: as many ids as there is room for, the end, padding."""

    of: Callable[[str], list[int]]  # all ids of a text, without the end
    tower: object
    end: int
    pad: int
    unknown: int | None

    def __call__(self, text):
        ids = [*self.of(text)[: self.tower.length - 1], self.end]
        if max(ids) >= self.tower.vocabulary_size:
            raise UserError(
                f"the vocabulary beside the weights gives the id {max(ids)} and the text tower has "
                f"{self.tower.vocabulary_size}; they are not of one model."
            )
        return np.array(ids + [self.pad] * (self.tower.length - len(ids)), np.int32)


def open_words(folder, tower) -> Ids:
    """Of the vocabulary in a folder.

    SigLIP: spiece.model. CLIP and SigLIP 2: tokenizer.json.
    """
    folder = pathlib.Path(folder)
    if tower.end is None and (folder / PIECES).is_file():
        return _siglip(folder / PIECES, tower)
    if not (folder / TABLE).is_file():
        wanted = TABLE if tower.end is not None else f"{PIECES} (SigLIP) or {TABLE} (SigLIP 2)"
        raise UserError(f"{folder} holds no vocabulary of its text tower; put {wanted} there.")
    table = _table(folder / TABLE)
    return _clip(table, tower) if tower.end is not None else _siglip2(table, tower)


def _siglip(file, tower):
    """Lower case, no punctuation, single spaces; the end, then the end again as padding."""
    try:
        model = sentencepiece.SentencePieceProcessor(model_file=str(file))
    except (RuntimeError, OSError) as error:
        raise UserError(f"{file} is no SentencePiece model; get it again.") from error
    end = model.eos_id()

    def of(text):
        return model.encode(" ".join(text.lower().translate(PUNCTUATION).split()))

    return Ids(of, tower, end, end, model.unk_id())


def _siglip2(table, tower):
    """Lower case; the end, then padding."""
    end, pad = _ids(table, "<eos>", "<pad>")

    def of(text):
        return table.encode(text.lower(), add_special_tokens=False).ids

    return Ids(of, tower, end, pad, table.token_to_id("<unk>"))


def _clip(table, tower):
    """Start, the text (the table itself lowers its case), the end, then the end as padding."""
    start, end = _ids(table, "<|startoftext|>", "<|endoftext|>")
    if end != tower.end:
        raise UserError(f"{TABLE} ends texts with the id {end}, the weights with {tower.end}.")

    def of(text):
        return [start, *table.encode(text, add_special_tokens=False).ids]

    return Ids(of, tower, end, end, None)  # every byte has a piece


def _table(file):
    try:
        import tokenizers
    except ImportError as error:
        raise UserError(
            f"{file} is read by the package tokenizers; pip install tokenizers."
        ) from error
    try:
        table = tokenizers.Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises plain exceptions
        raise UserError(f"{file} is no sound {TABLE} ({error}); get it again.") from error
    table.no_truncation()
    table.no_padding()
    return table


def _ids(table, *names):
    found = [table.token_to_id(name) for name in names]
    if None in found:
        raise UserError(f"{TABLE} has no '{names[found.index(None)]}'; it is of another model.")
    return found
