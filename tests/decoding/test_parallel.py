"""Parallel decoding on toy logits whose right answer is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from itit_jax.decoding import parallel
from itit_jax.decoding.schedule import masked_after_rounds, masked_before_rounds

TOKENS, CODES, ROUNDS = 16, 5, 4


def sharp_logits(answer):
    """A model that is sure of `answer` [b, n] whatever it sees."""
    return 50.0 * jax.nn.one_hot(answer, CODES)


def test_a_sure_model_is_drawn_exactly():
    answer = jax.random.randint(jax.random.key(0), (3, TOKENS), 0, CODES)
    ids = parallel.draw(
        lambda *_: sharp_logits(answer), jax.random.key(1), batch=3, tokens=TOKENS, rounds=ROUNDS
    )
    np.testing.assert_array_equal(ids, answer)


@pytest.mark.parametrize(
    "tokens, share, left", [(20, 0.55, 9), (25, 0.5, 12), (16, 0.0, 16), (16, 0.97, 1)]
)
def test_at_least_the_share_of_tokens_is_masked(tokens, share, left):
    config = ConfigDict({"masks": {"draw_min": share}})
    assert parallel.slots_of(config, "draw_min", tokens) == left


def test_every_token_is_uncovered_once_and_then_kept():
    """Noisy logits change in every round; a token must stay as it was when uncovered."""
    rounds = []

    def logits_fn(ids, known, slots, ratio):
        rounds.append((np.asarray(ids), np.asarray(known), slots))
        return jax.random.normal(jax.random.key(len(rounds)), (2, TOKENS, CODES))

    with jax.disable_jit():  # rounds one by one
        ids = parallel.draw(logits_fn, jax.random.key(0), batch=2, tokens=TOKENS, rounds=ROUNDS)
    counts = [TOKENS - int(known[0].sum()) for _, known, _ in rounds]
    assert counts == [TOKENS, *masked_after_rounds(TOKENS, ROUNDS)[:-1]]
    for (before, known, slots), (after, known_after, _) in zip(rounds, rounds[1:]):
        assert np.all(known_after[known]), "a known token became unknown"
        np.testing.assert_array_equal(after[known], before[known])
        assert known.sum(axis=1).max() == slots
    last_ids, last_known, _ = rounds[-1]
    np.testing.assert_array_equal(np.asarray(ids)[last_known], last_ids[last_known])


def noisy(ids, known, slots, ratio):
    """A model whose logits depend on the known tokens and on the round."""
    table = jax.random.normal(jax.random.key(7), (CODES, TOKENS, CODES))
    kept, _, visible = parallel.gather_known(ids, known, slots)
    return (table[kept] * visible[..., None, None]).sum(axis=1) * 0.3 + ratio * table[0]


@pytest.mark.parametrize("rounds", [1, 3, 7])
@pytest.mark.parametrize("how", ["in stages", "with all slots"])
def test_with_nothing_known_the_rounds_are_those_of_the_plain_rule(rounds, how):
    """papers.md 1.4 as a plain loop over rounds, with the counts as Python integers."""
    ids, known = jnp.zeros((3, TOKENS), jnp.int32), jnp.zeros((3, TOKENS), bool)
    key, after = jax.random.key(5), masked_after_rounds(TOKENS, rounds)
    for i, before in enumerate(masked_before_rounds(TOKENS, rounds)):
        ratio = (i + 1) / rounds
        logits = noisy(ids, known, TOKENS - before, ratio)
        round_key = jax.random.fold_in(key, i)
        ids, known = parallel.uncover(logits, ids, known, round_key, after[i], 2.0 * (1 - ratio))
    junk = (jnp.full((3, TOKENS), 4, jnp.int32), jnp.zeros((3, TOKENS), bool))
    more = {"in stages": {}, "with all slots": {"given": junk}}[how]
    found = parallel.draw(
        noisy, key, batch=3, tokens=TOKENS, rounds=rounds, temperature=2.0, **more
    )
    np.testing.assert_array_equal(found, ids)


def given_tokens():
    """Of three samples: none, six and all tokens known."""
    ids = jax.random.randint(jax.random.key(8), (3, TOKENS), 0, CODES)
    return ids, jnp.arange(TOKENS) < jnp.array([[0], [6], [TOKENS]])


def test_given_tokens_stay_and_the_others_are_drawn():
    ids, known = given_tokens()
    wish = (ids + 1) % CODES
    drawn = parallel.draw(
        lambda *_: sharp_logits(wish),
        jax.random.key(1),
        batch=3,
        tokens=TOKENS,
        rounds=ROUNDS,
        given=(ids, known),
    )
    np.testing.assert_array_equal(drawn, jnp.where(known, ids, wish))


def test_each_sample_follows_the_schedule_of_what_it_had_to_uncover():
    given, rounds, seen = given_tokens(), 7, []

    def logits_fn(ids, known, slots, ratio):
        jax.debug.callback(lambda k: seen.append(TOKENS - k.sum(axis=1)), known, ordered=True)
        assert slots == TOKENS
        return noisy(ids, known, slots, ratio)

    draw = lambda given: parallel.draw(
        logits_fn, jax.random.key(1), batch=3, tokens=TOKENS, rounds=rounds, given=given
    )
    jax.block_until_ready(jax.jit(draw)(given))
    jax.effects_barrier()
    for sample, start in enumerate((TOKENS, TOKENS - 6)):
        counts = [int(row[sample]) for row in seen]
        assert counts == masked_before_rounds(start, rounds)
    assert [int(row[2]) for row in seen] == [0] * rounds


def test_ties_do_not_change_the_number_uncovered():
    ids, known = jnp.zeros((2, TOKENS), jnp.int32), jnp.zeros((2, TOKENS), bool)
    _, known = parallel.uncover(
        jnp.zeros((2, TOKENS, 1)), ids, known, jax.random.key(0), masked=9, noise=0.0
    )
    assert known.sum(axis=1).tolist() == [TOKENS - 9] * 2


def test_without_noise_the_most_confident_tokens_are_uncovered():
    logits = jnp.zeros((1, TOKENS, CODES)).at[0, :, 0].set(jnp.arange(TOKENS) * 3.0)
    ids, known = jnp.zeros((1, TOKENS), jnp.int32), jnp.zeros((1, TOKENS), bool)
    sampled, known = parallel.uncover(logits, ids, known, jax.random.key(0), masked=12, noise=0.0)
    assert known[0].nonzero()[0].tolist() == [12, 13, 14, 15]


def test_guidance_zero_is_conditional_and_one_doubles_the_difference():
    c, u = jnp.array([1.0, 2.0]), jnp.array([0.5, 3.0])
    np.testing.assert_array_equal(parallel.guided(c, u, 0.0), c)
    np.testing.assert_allclose(parallel.guided(c, u, 1.0), 2 * c - u)


def test_gather_known_puts_known_tokens_first_in_raster_order():
    ids = jnp.arange(6)[None]
    known = jnp.array([[False, True, False, True, True, False]])
    kept, places, visible = parallel.gather_known(ids, known, 4)
    assert kept[0, :3].tolist() == [1, 3, 4] == places[0, :3].tolist()
    assert visible.tolist() == [[True, True, True, False]]
