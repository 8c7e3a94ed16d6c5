"""JSON of strangers: of a bounded size, no name twice, any damage a ValueError."""

import json

LONGEST = 2**24  # bytes; an index of a hundred thousand tensors has about as many


def read_json(file):
    """What a file holds; ValueError where that is none, is too much or says a name twice."""
    if (size := file.stat().st_size) > LONGEST:
        raise ValueError(f"{file.name} has {size:,} bytes")
    try:
        return json.loads(file.read_bytes(), object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("its brackets are nested too deep") from None


def _once(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("it says a name twice")
    return found


def shown(value):
    """What a stranger wrote, short and in one line."""
    return ascii(str(value)[:60])[1:-1]
