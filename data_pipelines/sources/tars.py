"""The plain files of a tar, one after the other, and whatever of it is none.

Several times as fast as tarfile, which makes much of every header, and picks up after harm: a
header is one whose sum is right, so that bytes in between are passed over and told.
"""

import bz2
import gzip
import lzma
from collections.abc import Iterator
from typing import NamedTuple

from data_pipelines.sources.base import Skipped
from data_pipelines.sources.files import as_text

BLOCK = 512
PACKED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
FILE, LONG_NAME, EXTENDED = (b"0", b"\0", b"7"), b"L", b"x"
CUT = "the rest of a tar that is cut or harmed"
GAP = "bytes of a tar that are no file"
NO_END = "the end of a tar is missing"
MOST_HEADER = 2**20  # bytes of a long name or of what extends a header


class Member(NamedTuple):
    """A file of a tar."""

    name: str
    at: int  # byte of the tar, unpacked
    data: bytes | Skipped


def members(file, wanted) -> Iterator[Member | Skipped]:
    """Files of a tar in order, and what is none. wanted(name, size): whether to read a file, or
    Skipped: why not. Nothing that a header claims is believed before the bytes are there."""
    name, at = as_text(file.name), 0
    try:
        with _opened(file) as tar:
            for found in _members(tar, name, wanted):
                at = found.at if isinstance(found, Member) else at
                yield found
    except Exception as error:  # zlib's own is of no kind
        yield Skipped(CUT, f"{name} behind byte {at:,} ({error})")


def _opened(file):
    raw = open(file, "rb", buffering=1 << 18)
    start = raw.peek(8)
    packed = next((opener for mark, opener in PACKED.items() if start.startswith(mark)), None)
    return packed(raw) if packed else raw


def _members(tar, name, wanted):
    at, good, zeros, extended = 0, True, 0, {}
    while len(block := tar.read(BLOCK)) == BLOCK:
        header = _header(block)
        if header is None:
            zeros = zeros + 1 if not any(block) else 0
            if not zeros and good:
                yield Skipped(GAP, f"{name} at byte {at:,}")
            good, at = bool(zeros), at + BLOCK
            continue
        path, size, kind = header
        size, good, zeros = _size(extended.get(b"size", size)), True, 0
        behind = at + BLOCK + -(-size // BLOCK) * BLOCK
        if kind in (LONG_NAME, EXTENDED):
            extended |= _extended(kind, tar.read(min(size, MOST_HEADER))[:size])
        elif kind in FILE and not any(key.startswith(b"GNU.sparse") for key in extended):
            path = extended.get(b"path", path).rstrip(b"\0").decode("utf-8", "surrogateescape")
            path = as_text(path)
            if wish := wanted(path, size):
                yield Member(path, at, wish if isinstance(wish, Skipped) else _whole(tar, size))
        if kind not in (LONG_NAME, EXTENDED):
            extended = {}
        at = behind
        tar.seek(at)
    if block or not zeros:
        yield Skipped(NO_END, f"{name} at byte {at:,}")


def _whole(tar, size):
    data = tar.read(size)
    if len(data) < size:
        raise EOFError(f"{size:,} bytes are claimed and {len(data):,} there")
    return data


def _header(block):
    """(name, size, kind) of a block whose sum is right, else None."""
    try:
        told = int(block[148:156].strip(b" \0") or b"-", 8)
        size = _number(block[124:136])
    except ValueError:
        return None
    if told != sum(block) - sum(block[148:156]) + 8 * 32 or size < 0:
        return None
    prefix = block[345:500].partition(b"\0")[0] if block[257:263] == b"ustar\0" else b""
    path = block[:100].partition(b"\0")[0]
    return b"/".join(filter(None, (prefix, path))), size, block[156:157]


def _size(told):
    """Of the next file, as an extended header tells it or its own."""
    if (size := int(told)) < 0:  # or the reading would go back, and never end
        raise ValueError(f"a file of {size:,} bytes")
    return size


def _number(field):
    """In octal, or in binary where that is not enough."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    return int(field.strip(b" \0") or b"0", 8)


def _extended(kind, data):
    """{what: value} that the next header does not hold."""
    if kind == LONG_NAME:
        return {b"path": data}
    found = {}
    while data:
        length, _, rest = data.partition(b" ")
        key, _, value = rest[: int(length) - len(length) - 1].partition(b"=")
        found[key], data = value.removesuffix(b"\n"), data[int(length) :]
        if int(length) < 1:
            raise ValueError("an extended header of no length")
    return found
