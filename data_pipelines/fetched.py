"""Shards of a bucket on a disk of this machine: fetched when a record is asked for, or ahead.

A shard lies under the hash of its bytes, whole or not at all: runs share it, one that was moved to
another bucket is the same, and who was killed finds what was there. Where all would take more than
`most` bytes, those go that nobody asked for the longest; what is on its way comes on top.
"""

import concurrent.futures
import contextlib
import hashlib
import os
import pathlib
import threading

from configs.defaults import KEYS
from data_pipelines.errors import UserError
from data_pipelines.files import located, whole
from data_pipelines.places import place

AT_ONCE = 4  # shards that are fetched at a time
PIECE = 2**22  # bytes read at once
END = ".array_record"


class Shelf:
    """Where they lie. Safe to share by threads; several processes may share its folder."""

    def __init__(self, folder, gigabytes):
        self.folder = pathlib.Path(place(folder))
        self.most = int(gigabytes * 10**9)
        self._pool = concurrent.futures.ThreadPoolExecutor(AT_ONCE)
        self._lock, self._fetches = threading.Lock(), {}

    def file(self, address, told) -> pathlib.Path:
        """The shard of an address, which is here then. told: its "bytes" and "sha256"."""
        file = self._file(told)
        self._fetch(address, told).result()
        with contextlib.suppress(FileNotFoundError):  # another process made room just now
            os.utime(file)
            return file
        return self.file(address, told)

    def ahead(self, wanted):
        """Begin to fetch what will be asked for: (address, told) of each."""
        for address, told in wanted:
            self._fetch(address, told)

    def close(self):
        """Fetch nothing more than what is on its way."""
        self._pool.shutdown(cancel_futures=True)

    def _file(self, told):
        return self.folder / f"{told['sha256']}{END}"

    def _fetch(self, address, told):
        with self._lock:
            known = self._fetches.get(told["sha256"])
            if known is None or known.done() and not self._file(told).is_file():
                known = self._pool.submit(self._copy, address, told)
                self._fetches[told["sha256"]] = known
            return known

    def _copy(self, address, told):
        file = self._file(told)
        if file.is_file():  # of a process before this one, or beside it
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._make_room(told["bytes"], address)
            hashed = hashlib.sha256()
            with located(address).open("rb") as theirs, whole(file) as ours:
                while piece := theirs.read(PIECE):
                    hashed.update(piece)
                    ours.write(piece)
                if hashed.hexdigest() != told["sha256"]:
                    raise UserError(
                        f"{address} is not the shard that dataset.json tells of; copy it there "
                        "again or build the data set anew."
                    )
        except FileNotFoundError as error:
            raise UserError(f"{address} is not there; copy the data set again.") from error

    def _make_room(self, needed, address):
        if needed > self.most:
            raise UserError(
                f"{address} has {needed / 1e9:.1f} GB, and data.cache_gigabytes is "
                f"{self.most / 1e9:g}; give more."
            )
        self._remove_drafts()
        there = sorted(self.folder.glob(f"*{END}"), key=_asked)
        total = needed + sum(_size(file) for file in there)
        for file in there:
            if total <= self.most:
                return
            total -= _size(file)
            file.unlink(missing_ok=True)  # who reads it goes on: it is open

    def _remove_drafts(self):
        """Of processes that were killed."""
        for draft in self.folder.glob(f".*{END}.*.new"):
            number = draft.name.split(".")[-2]
            if number.isdecimal() and not pathlib.Path(f"/proc/{number}").exists():
                draft.unlink(missing_ok=True)


def _asked(file):
    """When it was asked for last; files that go meanwhile first."""
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(file):
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


_shelf = None


def shelf() -> Shelf:
    """That of this process; where nobody told another, the one that the keys begin with."""
    if _shelf is None:
        keep(*(KEYS[name].default for name in ("data.cache", "data.cache_gigabytes")))
    return _shelf


def keep(folder, gigabytes):
    """From now on they lie there."""
    global _shelf
    old, _shelf = _shelf, Shelf(folder, gigabytes)
    if old:
        old.close()


def let_go():
    """Nothing is asked for soon: what was to be fetched ahead is not."""
    if _shelf:
        keep(_shelf.folder, _shelf.most / 10**9)
