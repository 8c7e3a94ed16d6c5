"""Texts and ids: a SentencePiece vocabulary in T5's layout (pad 0, end 1, unknown 2, no begin).

python -m data_pipelines.texts --data=DIR --size=256 --out=vocabulary.model
"""

import argparse
import hashlib
import io
import os
import pathlib
import sys
from collections.abc import Iterable

import numpy as np
import sentencepiece

from data_pipelines.errors import UserError
from data_pipelines.records import Records, read_info

PAD, EOS, UNKNOWN = 0, 1, 2


class Vocabulary:
    """Encodes and decodes with a SentencePiece model file."""

    def __init__(self, path):
        if not os.path.isfile(path):
            raise UserError(f"the vocabulary {path} does not exist; give a SentencePiece model.")
        self.path = str(path)
        data = pathlib.Path(path).read_bytes()
        self.sha256 = hashlib.sha256(data).hexdigest()
        try:
            self._model = sentencepiece.SentencePieceProcessor(model_proto=data)
        except RuntimeError as error:
            raise UserError(f"{path} is no SentencePiece model; give another file.") from error
        if (self._model.pad_id(), self._model.eos_id()) != (PAD, EOS):
            raise UserError(f"{path} has not T5's layout (pad 0, end 1); train it with this tool.")
        self.size = self._model.vocab_size()

    def encode(self, text: str, length: int) -> np.ndarray:
        """-> int32 [length]: ids, the end, padding. A longer text is cut and still ended."""
        ids = [*self._model.encode(text)[: length - 1], EOS]
        return np.array(ids + [PAD] * (length - len(ids)), np.int32)

    def count(self, text: str) -> int:
        """Ids of a whole text, the end included."""
        return len(self._model.encode(text)) + 1

    def decode(self, ids: Iterable[int]) -> str:
        """Text up to the first end or padding. Ids past the vocabulary read as unknown."""
        kept = []
        for i in map(int, ids):
            if i in (PAD, EOS):
                break
            kept.append(i if i < self.size else UNKNOWN)
        return self._model.decode(kept)


def train_vocabulary(texts: Iterable[str], size: int) -> bytes:
    """Bytes of a SentencePiece model of at most `size` pieces; equal texts give equal bytes.

    BPE: on a corpus of few words the unigram model falls apart into single letters.
    """
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        vocab_size=size,
        model_type="bpe",
        hard_vocab_limit=False,
        pad_id=PAD,
        eos_id=EOS,
        unk_id=UNKNOWN,
        bos_id=-1,
        character_coverage=1.0,
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()


def training_texts(folder) -> Iterable[str]:
    """Every text of the training splits, in order."""
    for split in ("pairs", "texts"):
        if split in read_info(folder)["splits"]:
            records = Records(folder, split)
            for i in range(len(records)):
                yield from records[i].texts


def main(arguments=None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="data set whose texts to learn from")
    parser.add_argument("--size", type=int, default=1000, help="most pieces")
    parser.add_argument("--out", required=True, help="model file to write")
    options = parser.parse_args(arguments)
    try:
        model = train_vocabulary(training_texts(options.data), options.size)
    except UserError as error:
        print(f"data_pipelines: {error}", file=sys.stderr)
        return 2
    pathlib.Path(options.out).write_bytes(model)
    print(f"{options.out}: {Vocabulary(options.out).size} pieces")
    return 0


if __name__ == "__main__":
    sys.exit(main())
