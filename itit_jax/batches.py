"""Rows in batches of one size, so that one compiled program serves any number of them."""

import itertools


def batches_of(rows, size):
    """(`size` rows, how many of them count) of any iterable; the last batch is filled up from its
    own front."""
    waiting = iter(rows)
    while batch := list(itertools.islice(waiting, size)):
        count = len(batch)
        yield list(itertools.islice(itertools.cycle(batch), size)), count
