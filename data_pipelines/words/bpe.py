"""Byte-level BPE of CLIP and of GPT-2, from their files, by the package tokenizers.

A file that knows <|startoftext|> is CLIP's: lower case, </w> ends a word, a text stands between
begin and end. Any other is GPT-2's: each byte comes back, and one id begins and ends a text.
Neither has a padding of its own, so it is the end again.
"""

import hashlib
import json
from collections.abc import Iterable

import numpy as np

from data_pipelines.errors import UserError
from data_pipelines.files import located
from data_pipelines.words.base import ended, until

BEGIN, END = "<|startoftext|>", "<|endoftext|>"
TABLE, VOCABULARY, MERGES = "tokenizer.json", "vocab.json", "merges.txt"
WORD_END, SPACE = "</w>", "Ġ"  # CLIP's end of a word; the letter of the byte of a space
# What is a word to CLIP. What lies between them is dropped.
CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


class Bpe:
    """Words of one tokenizer.json, or of a vocab.json and its merges.txt."""

    def __init__(self, *paths):
        self._files = {located(path).name: _read(located(path)) for path in paths}
        self.digest = hashlib.sha256(b"\n".join(self._files.values())).hexdigest()
        self._library = _library(paths[0])
        try:
            self._table = self._open(*self._files.values())
        except Exception as error:  # the library raises plain exceptions
            raise UserError(f"{paths[0]} is no sound BPE ({error}); get it again.") from error
        known = self._table.get_vocab()
        self.size = max(known.values(), default=-1) + 1
        self._clip = BEGIN in known
        _check(paths[0], known, (WORD_END, "") if self._clip else ("",), self._library)
        self.end = self.pad = known[END]
        self.begin = known.get(BEGIN, self.end)

    def _open(self, first, merges=None):
        """The library's table. A name of a special token within a text is text."""
        if merges is None:
            table = self._library.Tokenizer.from_str(first.decode())
            table.no_truncation()
            table.no_padding()
            table.encode_special_tokens = True
            return table
        known = json.loads(first)
        lines = [line for line in merges.decode().split("\n") if not line.startswith("#version")]
        return _table(self._library, known, [tuple(line.split()) for line in lines if line.strip()])

    def _ids(self, text):
        ids = self._table.encode(text, add_special_tokens=False).ids
        return [self.begin, *ids] if self._clip else ids

    def encode(self, text: str, length: int) -> np.ndarray:
        """-> int32 [length]: CLIP's begin, ids, the end, the end as padding. Cut but ended."""
        return ended(self._ids(text), length, self.end, self.pad)

    def count(self, text: str) -> int:
        """Ids of a whole text, CLIP's begin and the end included."""
        return len(self._ids(text)) + 1

    def decode(self, ids: Iterable[int]) -> str:
        """Text up to the first end. CLIP's begin and ids past the vocabulary say nothing."""
        kept = until([i for i in ids if not self._clip or i != self.begin], (self.end,))
        pieces = [self._table.id_to_token(i) for i in kept if 0 <= i < self.size]
        pieces = [piece for piece in pieces if piece is not None]
        if self._clip:
            pieces = [p.removesuffix(WORD_END) + SPACE * p.endswith(WORD_END) for p in pieces]
        text = self._library.decoders.ByteLevel().decode(pieces)
        return text.strip(" ") if self._clip else text

    def unknown(self, text: str) -> float:
        """None: every byte has a piece."""
        return 0.0

    def files(self) -> dict[str, bytes]:
        """{name: bytes} of a folder that opens as these words."""
        if len(self._files) == 1:
            return {TABLE: next(iter(self._files.values()))}
        return dict(self._files)


def _library(path):
    try:
        import tokenizers
    except ImportError as error:
        raise UserError(
            f"{path} is read by the package tokenizers; pip install tokenizers."
        ) from error
    return tokenizers


def _read(path):
    if not path.is_file():
        raise UserError(f"the vocabulary {path} does not exist; give {TABLE}, or {VOCABULARY} "
                        f"with its {MERGES}.")
    return path.read_bytes()


def _table(library, known, merges):
    """A Tokenizer as CLIP's and GPT-2's authors split texts: {piece: id}, (piece, piece) pairs."""
    split = library.pre_tokenizers
    if BEGIN not in known:
        table = library.Tokenizer(library.models.BPE(known, merges))
        table.pre_tokenizer = split.ByteLevel(add_prefix_space=False)
        return table
    table = library.Tokenizer(library.models.BPE(known, merges, end_of_word_suffix=WORD_END))
    clean = library.normalizers
    table.normalizer = clean.Sequence(
        [clean.NFC(), clean.Replace(library.Regex(r"\s+"), " "), clean.Lowercase()]
    )
    table.pre_tokenizer = split.Sequence(
        [
            split.Split(library.Regex(CLIP_WORDS), behavior="removed", invert=True),
            split.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return table


def _check(path, known, endings, library):
    """Refuses a vocabulary without an end, or without a piece for each byte."""
    if END not in known:
        raise UserError(f"{path} has no '{END}', so it is neither CLIP's nor GPT-2's; give theirs.")
    letters = library.pre_tokenizers.ByteLevel.alphabet()
    if missing := sorted(a + e for a in letters for e in endings if a + e not in known):
        raise UserError(
            f"{path} is no byte-level BPE: it has no piece {missing[0]} "
            f"({len(missing)} are missing); give CLIP's or GPT-2's."
        )
