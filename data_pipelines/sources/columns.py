"""Cells of a row, as libraries hand them over, to a picture's bytes and to texts."""

import numpy as np

from data_pipelines import images
from data_pipelines.errors import UserError
from data_pipelines.sources.base import TEXT_COLUMNS, Skipped, usable_texts

PICTURE_COLUMNS = ("image", "images", "picture", "img", "image_bytes", "jpg", "png", "webp")
NO_BYTES = "no picture's bytes in the cell"


def choose(names, usual, given, flag, where) -> str | None:
    """The column that was given, or the first of the usual names that is there, in any case."""
    if given and given not in names:
        raise UserError(f"{where} has no column {given}; {flag} is one of {', '.join(names)}.")
    lower = {name.lower(): name for name in reversed(list(names))}
    return given or next((lower[name] for name in usual if name in lower), None)


def picture(cell, where) -> bytes | Skipped:
    """Encoded bytes of a cell: bytes, {"bytes", "path"}, or pixels uint8 [h, w, 1 or 3]."""
    if isinstance(cell, dict):
        cell = cell.get("bytes")
    if isinstance(cell, np.ndarray) and cell.dtype == np.uint8 and cell.ndim == 3:
        if not cell.size:
            return Skipped(images.BROKEN, f"{where} (0 pixels)")
        return images.encode_png(cell.repeat(3, axis=2) if cell.shape[2] == 1 else cell)
    if not isinstance(cell, bytes):
        return Skipped(NO_BYTES, where)
    try:
        images.check_bytes(len(cell))
    except images.Unreadable as error:
        return Skipped(error.reason, error.of(where))
    return cell


def texts(cell, where):
    """The usable texts of a cell, and the others: a text, some, or {usual name: them}."""
    return usable_texts(_plain(cell), where)


def _plain(cell):
    if isinstance(cell, dict):
        cell = next((cell[name] for name in (*TEXT_COLUMNS, "raw") if name in cell), None)
    if isinstance(cell, np.ndarray):
        cell = cell.tolist()
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "surrogateescape")
    return list(map(_plain, cell)) if isinstance(cell, list | tuple) else cell
