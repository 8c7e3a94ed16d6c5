"""Tokens of captions. test_caption_scores.py holds whole sets of them to the official ones."""

import pytest

from itit_jax.evaluation.ptb import tokenize


@pytest.mark.parametrize(
    "text, tokens",
    [
        ("It's the dog's bowl, isn't it?", "it 's the dog 's bowl is n't it"),
        ("A man (in a hat).", "a man -lrb- in a hat -rrb-"),
        ("Mr. Smith of the U.K. can't wait...", "mr. smith of the u.k. ca n't wait"),
        ("a $5.00 well-known\ncup -- 50% off!", "a $ 5.00 well-known cup 50 % off"),
        ("...", ""),
        ("", ""),
    ],
)
def test_tokens_by_hand(text, tokens):
    assert tokenize(text) == tokens
