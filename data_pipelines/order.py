"""Order of examples: a stateless permutation, so that any step can be read alone in O(1)."""

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
