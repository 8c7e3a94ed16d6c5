"""Which kind of vocabulary a file or folder is."""

import hashlib

from data_pipelines.errors import UserError
from data_pipelines.files import located
from data_pipelines.records import INFO, read_info
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


def holds_words(folder) -> bool:
    """Whether a folder holds a vocabulary; one of pictures alone may not."""
    return any(map(_there, _each(located(folder))))


def _in_folder(folder):
    kind, files = next(filter(_there, _each(folder)), (None, ()))
    _check(folder, files)
    if kind:
        return kind(*files)
    known = ", ".join(" with ".join(names) for _, names in KINDS)
    raise UserError(f"{folder} holds no vocabulary; put one of {known} there.")


def _each(folder):
    return ((kind, [folder / name for name in names]) for kind, names in KINDS)


def _there(found):
    return all(file.is_file() for file in found[1])


def _check(folder, files):
    """UserError if a data set has not the vocabulary that it was made with."""
    if not (folder / INFO).is_file():
        return
    known = {name for _, names in KINDS for name in names}
    beside = read_info(folder).get("files", {})
    told = {name: about["sha256"] for name, about in beside.items() if name in known}
    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    if told and found != told:
        raise UserError(
            f"{folder} has not the vocabulary that {INFO} tells of ({', '.join(told)}); copy it "
            "there again, or name another by data.vocabulary or --vocabulary."
        )
