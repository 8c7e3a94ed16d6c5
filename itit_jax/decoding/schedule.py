"""How many tokens stay masked after each round of parallel decoding (papers.md 1.4)."""

import math

import numpy as np


def masked_after_rounds(tokens, rounds):
    """Masked tokens left after rounds 1..R under the cosine schedule: list of R integers.

    Computed in float64 before tracing: round 16 of 24 leaves exactly 128 of 256, which float32
    turns into 127. Every round but the last leaves at least one token, and uncovers at least one
    as long as there are enough; the last round leaves none to uncover: its sample is the output.
    """
    left, before = [], tokens
    for i in range(1, rounds + 1):
        ratio = min(max(math.cos(math.pi / 2 * i / rounds), 1e-6), 1.0)
        before = max(1, min(before - 1, math.floor(tokens * ratio)))
        left.append(before)
    return left


def masked_before_rounds(tokens, rounds):
    """Masked tokens at the start of each round."""
    return [tokens, *masked_after_rounds(tokens, rounds)[:-1]]


def stages(tokens, rounds, most=4):
    """The rounds in at most `most` runs of nearly equal length -> [(their numbers, slots)].

    slots: how many tokens are known before the last round of a run. A stage is compiled once, for
    these: of 24 rounds over 256 tokens four stages cost ITIT-L 10 % more than 24 programs would.
    """
    before = masked_before_rounds(tokens, rounds)
    runs = np.array_split(np.arange(rounds), min(rounds, most))
    return [(run, tokens - before[run[-1]]) for run in runs]


def schedules(tokens, rounds):
    """The same for every number of tokens that may be masked at the start: int32 [rounds, n + 1],
    column m for m masked ones. A sample with none masked has nothing to uncover."""
    columns = [masked_after_rounds(masked, rounds) for masked in range(tokens + 1)]
    return np.asarray(columns, np.int32).T
