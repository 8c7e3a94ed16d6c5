"""Order of examples: stateless permutations, so that any step can be read alone in O(1)."""

import functools
import hashlib

import numpy as np

ROUNDS = 4


def permuted(index: np.ndarray, count: int, *seed) -> np.ndarray:
    """Where a random permutation of range(count), named by `seed`, puts each index.

    index int64 [n] in [0, count). A Feistel network permutes the next even number of bits;
    values that fall outside are sent through again until they are inside (cycle walking).
    """
    half = max(1, (int(count - 1).bit_length() + 1) // 2)
    mask = np.uint64((1 << half) - 1)
    keys = _keys(seed)
    out = index.astype(np.uint64)
    outside = np.ones(len(out), bool)
    while outside.any():
        left, right = out[outside] >> np.uint64(half), out[outside] & mask
        for key in keys:
            left, right = right, left ^ (_mix(right, key) & mask)
        out[outside] = left << np.uint64(half) | right
        outside = out >= count
    return out.astype(np.int64)


def windowed(index: np.ndarray, shards: tuple[int, ...], window: int, *seed) -> np.ndarray:
    """The same of a permutation with locality: shards in a random order, and rows only among
    `window` shards that follow each other in it.

    shards: rows of each, one behind the other. Whoever reads on needs `window` shards at a time.
    """
    parts, lengths, begins = _windows(tuple(shards), window, seed)
    first = np.cumsum(shards) - shards
    number = np.searchsorted(begins, index, side="right") - 1
    out = np.empty(len(index), np.int64)
    for n in np.unique(number):
        here = number == n
        behind = np.cumsum(lengths[n])
        within = permuted(index[here] - begins[n], int(behind[-1]), *seed, "window", int(n))
        shard = np.searchsorted(behind, within, side="right")
        out[here] = first[parts[n]][shard] + within - (behind - lengths[n])[shard]
    return out


BLOCK = 1000  # rows of a mixture in which every part has its share


def mixed(index: np.ndarray, weights: tuple[float, ...], *seed) -> tuple[np.ndarray, np.ndarray]:
    """(part int64 [n], place in the endless order of that part int64 [n]) of places of a mixture.

    Of every BLOCK rows each part has its share of the weights, rounded; which rows, is random.
    """
    counts = _shares(weights)
    ends = np.cumsum(counts)
    block, within = np.divmod(index, BLOCK)
    rank = np.empty(len(index), np.int64)
    for b in np.unique(block):
        rank[block == b] = permuted(within[block == b], BLOCK, *seed, "mixture", int(b))
    part = np.searchsorted(ends, rank, side="right")
    return part, block * counts[part] + rank - (ends - counts)[part]


def _shares(weights):
    """Whole numbers that sum to BLOCK, by the largest remainders."""
    exact = BLOCK * np.array(weights, float) / sum(weights)
    counts = exact.astype(np.int64)
    counts[np.argsort(counts - exact, kind="stable")[: BLOCK - counts.sum()]] += 1
    return counts


def shards_ahead(place: int, shards: tuple[int, ...], window: int, *seed) -> list[int]:
    """Numbers of the shards of the window that a place lies in, and of the next."""
    parts, _, begins = _windows(tuple(shards), window, seed)
    here = int(np.searchsorted(begins, place, side="right")) - 1
    return np.concatenate(parts[here : here + 2]).tolist()


@functools.lru_cache(64)  # streams times epochs that are read at once
def _windows(shards, window, seed):
    """Numbers of the shards and rows of each, window by window, and where the windows begin."""
    sizes = np.array(shards, np.int64)
    order = permuted(np.arange(len(sizes)), len(sizes), *seed, "shards")
    order = order[sizes[order] > 0]
    parts = [order[i : i + window] for i in range(0, len(order), window)]
    lengths = [sizes[part] for part in parts]
    begins = np.cumsum([0, *(rows.sum() for rows in lengths[:-1])])
    return parts, lengths, begins


def draws(index: np.ndarray, *seed) -> np.ndarray:
    """Independent random uint64 [n] for index int64 [n], named by `seed`."""
    return _mix(index.astype(np.uint64), _keys(seed)[0])


def _keys(seed) -> np.ndarray:
    digest = hashlib.sha256(repr(seed).encode()).digest()
    return np.frombuffer(digest, np.uint64, count=ROUNDS)


def _mix(value: np.ndarray, key: np.uint64) -> np.ndarray:
    """SplitMix64's finaliser of value + key."""
    with np.errstate(over="ignore"):
        x = value * np.uint64(0x9E3779B97F4A7C15) + key
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))
