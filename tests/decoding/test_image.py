"""Parallel decoding on toy logits whose right answer is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from itit_jax.decoding import image
from itit_jax.decoding.schedule import masked_after_rounds

TOKENS, CODES, ROUNDS = 16, 5, 4


def sharp_logits(answer):
    """A model that is sure of `answer` [b, n] whatever it sees."""
    return 50.0 * jax.nn.one_hot(answer, CODES)


def test_a_sure_model_is_drawn_exactly():
    answer = jax.random.randint(jax.random.key(0), (3, TOKENS), 0, CODES)
    ids = image.draw(
        lambda *_: sharp_logits(answer), jax.random.key(1), batch=3, tokens=TOKENS, rounds=ROUNDS
    )
    np.testing.assert_array_equal(ids, answer)


def test_every_token_is_uncovered_once_and_then_kept():
    """Noisy logits change in every round; a token must stay as it was when uncovered."""
    rounds = []

    def logits_fn(ids, known, slots, ratio):
        rounds.append((np.asarray(ids), np.asarray(known), slots))
        return jax.random.normal(jax.random.key(len(rounds)), (2, TOKENS, CODES))

    ids = image.draw(logits_fn, jax.random.key(0), batch=2, tokens=TOKENS, rounds=ROUNDS)
    counts = [TOKENS - int(known[0].sum()) for _, known, _ in rounds]
    assert counts == [TOKENS, *masked_after_rounds(TOKENS, ROUNDS)[:-1]]
    for (before, known, slots), (after, known_after, _) in zip(rounds, rounds[1:]):
        assert np.all(known_after[known]), "a known token became unknown"
        np.testing.assert_array_equal(after[known], before[known])
        assert known.sum(axis=1).max() == slots
    last_ids, last_known, _ = rounds[-1]
    np.testing.assert_array_equal(np.asarray(ids)[last_known], last_ids[last_known])


@pytest.mark.parametrize("rounds", [1, 4])
def test_dropping_equals_not_dropping(rounds):
    """A model that reads only known tokens gives the same ids either way."""
    table = jax.random.normal(jax.random.key(2), (CODES, TOKENS, CODES))

    def logits_fn(ids, known, slots, ratio):
        kept, places, visible = image.gather_known(ids, known, slots)
        votes = table[kept] * visible[..., None, None]
        return votes.sum(axis=1) + jnp.arange(TOKENS)[:, None] % 3

    draws = [
        image.draw(
            logits_fn, jax.random.key(3), batch=4, tokens=TOKENS, rounds=rounds, drop=drop
        )
        for drop in (True, False)
    ]
    np.testing.assert_array_equal(*draws)


def test_ties_do_not_change_the_number_uncovered():
    ids, known = jnp.zeros((2, TOKENS), jnp.int32), jnp.zeros((2, TOKENS), bool)
    _, known = image.uncover(
        jnp.zeros((2, TOKENS, 1)), ids, known, jax.random.key(0), masked=9, noise=0.0
    )
    assert known.sum(axis=1).tolist() == [TOKENS - 9] * 2


def test_without_noise_the_most_confident_tokens_are_uncovered():
    logits = jnp.zeros((1, TOKENS, CODES)).at[0, :, 0].set(jnp.arange(TOKENS) * 3.0)
    ids, known = jnp.zeros((1, TOKENS), jnp.int32), jnp.zeros((1, TOKENS), bool)
    sampled, known = image.uncover(logits, ids, known, jax.random.key(0), masked=12, noise=0.0)
    assert known[0].nonzero()[0].tolist() == [12, 13, 14, 15]


def test_guidance_zero_is_conditional_and_one_doubles_the_difference():
    c, u = jnp.array([1.0, 2.0]), jnp.array([0.5, 3.0])
    np.testing.assert_array_equal(image.guided(c, u, 0.0), c)
    np.testing.assert_allclose(image.guided(c, u, 1.0), 2 * c - u)


def test_gather_known_puts_known_tokens_first_in_raster_order():
    ids = jnp.arange(6)[None]
    known = jnp.array([[False, True, False, True, True, False]])
    kept, places, visible = image.gather_known(ids, known, 4)
    assert kept[0, :3].tolist() == [1, 3, 4] == places[0, :3].tolist()
    assert visible.tolist() == [[True, True, True, False]]
