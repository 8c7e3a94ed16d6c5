"""Mask counts against the table of papers.md 1.4 (MaskGIT's rule, computed elsewhere)."""

import numpy as np
import pytest

from itit_jax.decoding.schedule import masked_after_rounds, masked_before_rounds, schedules, stages

PUBLISHED = {
    8: [251, 236, 212, 181, 142, 97, 49, 1],
    12: [253, 247, 236, 221, 203, 181, 155, 128, 97, 66, 33, 1],
    16: [254, 251, 244, 236, 225, 212, 197, 181, 162, 142, 120, 97, 74, 49, 25, 1],
    18: [255, 252, 247, 240, 232, 221, 209, 196, 181, 164, 146, 128, 108, 87, 66, 44, 22, 1],
    24: [255, 253, 251, 247, 242, 236, 229, 221, 212, 203, 192, 181]
    + [168, 155, 142, 128, 113, 97, 82, 66, 49, 33, 16, 1],
}


@pytest.mark.parametrize("rounds", PUBLISHED)
def test_counts_for_256_tokens_equal_the_published_ones(rounds):
    assert masked_after_rounds(256, rounds) == PUBLISHED[rounds]


@pytest.mark.parametrize("tokens, rounds", [(64, 4), (64, 8), (16, 3), (9, 9)])
def test_every_round_uncovers_at_least_one_token(tokens, rounds):
    before = masked_before_rounds(tokens, rounds)
    assert before[0] == tokens
    assert all(a > b for a, b in zip(before, before[1:]))


@pytest.mark.parametrize("tokens, rounds", [(256, 24), (256, 8), (64, 5), (16, 3), (256, 1)])
def test_stages_hold_every_round_once_with_just_the_slots_that_it_needs(tokens, rounds):
    found = stages(tokens, rounds)
    assert len(found) == min(rounds, 4)
    assert [int(n) for numbers, _ in found for n in numbers] == list(range(rounds))
    known = [tokens - masked for masked in masked_before_rounds(tokens, rounds)]
    for numbers, slots in found:
        assert slots == max(known[n] for n in numbers)


def test_24_rounds_read_a_third_less_than_with_all_slots():
    assert [(len(numbers), slots) for numbers, slots in stages(256, 24)] == [
        (6, 14), (6, 64), (6, 143), (6, 240)
    ]  # fmt: skip


def test_the_table_holds_the_published_counts_and_escapes_the_trap_of_float32():
    for rounds, left in PUBLISHED.items():
        assert schedules(256, rounds)[:, 256].tolist() == left
    # cos(pi / 3) is a half: round 16 of 24 leaves exactly half of any even number.
    assert schedules(256, 24)[15, 64::2].tolist() == list(range(32, 129))
    assert np.floor(np.float32(256) * np.cos(np.float32(np.pi / 2) * np.float32(16 / 24))) == 127
