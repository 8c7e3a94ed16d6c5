"""Which kind of vocabulary a file or folder is."""

from data_pipelines.errors import UserError
from data_pipelines.files import located
from data_pipelines.words.base import Words
from data_pipelines.words.bpe import MERGES, TABLE, VOCABULARY, Bpe
from data_pipelines.words.pieces import FILE, Pieces

# What a folder may hold, the first that is there: ours, T5's, then the two forms of BPE.
KINDS = (
    (Pieces, (FILE,)),
    (Pieces, ("spiece.model",)),
    (Bpe, (TABLE,)),
    (Bpe, (VOCABULARY, MERGES)),
)


def open_words(path) -> Words:
    """The vocabulary of a file, or of a folder that holds one (a data set, a run, a download)."""
    path = located(path)
    if path.is_dir():
        return _in_folder(path)
    if path.name in (VOCABULARY, MERGES):
        return Bpe(path.parent / VOCABULARY, path.parent / MERGES)
    return Bpe(path) if path.suffix == ".json" else Pieces(path)


def _in_folder(folder):
    for kind, names in KINDS:
        files = [folder / name for name in names]
        if all(file.is_file() for file in files):
            return kind(*files)
    known = ", ".join(" with ".join(names) for _, names in KINDS)
    raise UserError(f"{folder} holds no vocabulary; put one of {known} there.")
