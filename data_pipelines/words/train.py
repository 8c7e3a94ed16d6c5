"""Learns a SentencePiece vocabulary in T5's layout from the texts of a data set.

python -m data_pipelines.words.train --data=DIR --size=256 --out=vocabulary.model
"""

import io
import itertools
import re
import sys
from collections.abc import Iterable

import sentencepiece

from configs.commands import Argument, command
from configs.keys import at_least
from data_pipelines.errors import UserError
from data_pipelines.files import check_file, whole
from data_pipelines.records import Records, read_info
from data_pipelines.words.pieces import END, PAD, UNKNOWN, Pieces

TRAINED = ("pairs", "texts", "questions")  # splits that say something
ARGUMENTS = {
    "--data": Argument("", "data set whose texts to learn from", form="DIR", needed=True),
    "--out": Argument("", "model file to write", form="FILE", needed=True),
    "--size": Argument(1000, "most pieces", at_least(4), form="N"),
}


class TooFewPieces(UserError):
    """Not one piece for each letter of the texts. needed: what is enough for that."""

    def __init__(self, size, needed):
        self.needed = needed
        super().__init__(
            f"{size} pieces are too few for these texts, which have so many letters; give at least "
            f"{needed}."
        )


def train_enough_pieces(texts: list[str], size: int) -> bytes:
    """The same with more than `size` pieces where the letters of the texts alone need them."""
    try:
        return train_pieces(texts, size)
    except TooFewPieces as error:
        return train_pieces(texts, error.needed + size)


def train_pieces(texts: Iterable[str], size: int) -> bytes:
    """Bytes of a SentencePiece model of at most `size` pieces; equal texts give equal bytes.

    BPE: on a corpus of few words the unigram model falls apart into single letters.
    """
    texts, model = iter(texts), io.BytesIO()
    first = next(texts, None)
    if first is None:
        raise UserError("there are no texts to learn a vocabulary from; give a data set with some.")
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=itertools.chain([first], texts),
            model_writer=model,
            vocab_size=size,
            model_type="bpe",
            hard_vocab_limit=False,
            pad_id=PAD,
            eos_id=END,
            unk_id=UNKNOWN,
            bos_id=-1,
            character_coverage=1.0,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        if needed := re.search(r" vs (\d+)", str(error)):
            raise TooFewPieces(size, int(needed[1])) from error
        raise UserError(
            "these texts have no word to learn a vocabulary from; give a data set with some."
        ) from error
    return model.getvalue()


def training_texts(folder) -> Iterable[str]:
    """Every text of the training splits, in order."""
    for split in TRAINED:
        if split in read_info(folder)["splits"]:
            for record in Records(folder, split):
                yield from texts_of(record)


def texts_of(record) -> list[str]:
    """All that a record says: its texts, its questions and their answers."""
    return [*record.texts, *(text for each in record.asked for text in each[:2])]


@command("data_pipelines.words.train", "learn a vocabulary from the texts of a data set", ARGUMENTS)
def main(options):
    """Writes the model file."""
    check_file(options.out, "--out")
    model = train_pieces(training_texts(options.data), options.size)
    try:
        with whole(options.out) as file:
            file.write(model)
    except OSError as error:
        raise UserError(f"{options.out} cannot be written ({error}); give another.") from error
    print(f"{options.out}: {Pieces(options.out).size} pieces")


if __name__ == "__main__":
    sys.exit(main())
