"""What an extractor says of a set of pictures, read as a stream and kept on disk.

A file is named by a hash of the pictures and of the extractor, so it is used again for exactly the
same question. It appears whole or not at all, and a damaged one is made anew. None is made of
pictures of which some could not be read: they may be readable the next time.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import time
import zipfile

import numpy as np

from data_pipelines.errors import UserError
from data_pipelines.files import whole
from data_pipelines.places import meant
from itit_jax.evaluation.fidelity import Running, Statistics

VERSION = 2  # raised when the same pictures would give other statistics
KEPT = ("itit_jax", "features")  # where a home keeps such things
ROWS = ("features", "probabilities")
SECONDS = 10  # between two lines of progress
DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


@dataclasses.dataclass(frozen=True)
class Collected:
    """Statistics of `count` pictures; float32 rows of each where they were asked for."""

    count: int
    statistics: Statistics
    skipped: dict  # {reason: {"count", "first"}}
    features: np.ndarray | None = None  # [n, d]
    probabilities: np.ndarray | None = None  # [n, c], where the extractor tells classes


def default_folder():
    """Where statistics are kept unless told otherwise."""
    try:
        return pathlib.Path(meant(os.environ.get("XDG_CACHE_HOME") or "~/.cache"), *KEPT)
    except ValueError as error:
        raise UserError(f"the folder of kept statistics {error}, --cache=DIR.") from None


def collect(source, extractor, report, *, keep, folder, say=print) -> Collected:
    """Of every picture of a source; `keep`: also the rows of each. `report` hears of broken ones.

    Without `keep` no more than a batch of pictures and features is in memory.
    """
    folder = pathlib.Path(folder)
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    question = json.dumps([VERSION, extractor.name, source.digest()])
    file = folder / f"{hashlib.sha256(question.encode()).hexdigest()[:32]}.npz"
    found = _read(file)
    if found is None or (keep and found.features is None):
        told = _told(source.read(report), source, say)
        running, rows = gather(extractor(told), keep=keep)
        if running.count < 2:
            raise UserError(f"{source.name} has fewer than 2 pictures that can be read; add some.")
        found = Collected(running.count, running.statistics(), report.summary(), *rows)
        if source.repeatable(report):
            with _writing(folder):
                _write(file, found)
    return found


def _told(pictures, source, say):
    last = time.monotonic()
    for number, picture in enumerate(pictures):
        if time.monotonic() - last >= SECONDS:
            last = time.monotonic()
            say(f"{source.name}: {number:,} of {len(source.files):,} pictures")
        yield picture


def gather(batches, *, keep):
    """-> (Running, [features, probabilities or None] of all pictures, or [] without `keep`)."""
    running, kept = Running(), []
    for features, probabilities in batches:
        running.add(features)
        if keep:
            kept.append((features, probabilities))
    return running, [_joined(column) for column in zip(*kept)]


def of(batches) -> Collected:
    """Of batches of (features, probabilities or None), with the rows of each."""
    running, rows = gather(batches, keep=True)
    return Collected(running.count, running.statistics(), {}, *rows)


def _joined(column):
    return None if column[0] is None else np.concatenate(column).astype(np.float32)


def _read(file):
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return Collected(
                int(arrays["count"]),
                Statistics(arrays["mean"], arrays["covariance"]),
                json.loads(str(arrays["skipped"])),
                *(arrays.get(name) for name in ROWS),
            )
    except DAMAGED:
        return None


@contextlib.contextmanager
def _writing(folder):
    try:
        yield
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error}); give another --cache.") from error


def _write(file, found):
    arrays = dict(
        count=found.count,
        mean=found.statistics.mean,
        covariance=found.statistics.covariance,
        skipped=json.dumps(found.skipped),
    )
    rows = {name: getattr(found, name) for name in ROWS}
    arrays |= {name: values for name, values in rows.items() if values is not None}
    with whole(file) as draft:
        np.savez(draft, **arrays)
