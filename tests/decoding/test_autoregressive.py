"""Autoregressive decoding on a toy Markov chain, against exhaustive search."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from itit_jax.decoding import autoregressive

PAD, EOS, WORDS, LENGTH = 0, 1, 4, 3
T5 = dict(begin=PAD, end=EOS, pad=PAD)
TABLE = jax.random.normal(jax.random.key(0), (WORDS, WORDS)) * 2


def step(cache, ids, position):
    """Next-word logits depend on the last word; the cache counts calls."""
    logits = TABLE[ids].at[:, PAD].set(-jnp.inf)
    return logits, cache + 1


def counted(samples):
    """A cache of so many samples for `step`."""
    return jnp.zeros((samples, 1, 1, 1))


def log_p(words):
    """Log-probability of a word sequence that starts from PAD, by hand."""
    total, last = 0.0, PAD
    for word in words:
        row = np.asarray(TABLE[last], np.float64).copy()
        row[PAD] = -np.inf
        total += row[word] - np.log(np.exp(row[1:]).sum())
        last = word
    return total


def every_text():
    for n in range(1, LENGTH + 1):
        for words in itertools.product(range(1, WORDS), repeat=n):
            ended = EOS in words
            if (ended and words.index(EOS) == n - 1) or (not ended and n == LENGTH):
                yield words


def test_greedy_follows_the_likeliest_word():
    ids = autoregressive.generate(step, counted(2), batch=2, length=LENGTH, **T5)
    last, expected = 0, []
    for _ in range(LENGTH):
        last = 1 + int(np.argmax(TABLE[last][1:]))
        expected.append(last)
        if last == EOS:
            break
    expected += [0] * (LENGTH - len(expected))
    assert ids.tolist() == [expected] * 2


def test_a_wide_beam_finds_the_best_text_of_all():
    best = max(every_text(), key=lambda w: log_p(w) / len(w) ** 0.6)
    ids = autoregressive.beam(step, counted(32), batch=1, length=LENGTH, width=32, **T5)
    assert ids[0, : len(best)].tolist() == list(best)


def by_hand(table, width, length):
    """The best text that ever ended in a beam, or is cut, of a chain of words from PAD."""
    ended, live = [], [((), 0.0)]
    for place in range(length):
        more = []
        for words, score in live:
            row = table[words[-1] if words else PAD].astype(np.float64)
            log_p = row - np.log(np.exp(row).sum())
            more += [((*words, word), score + log_p[word]) for word in range(len(row))]
        more = sorted(more, key=lambda found: -found[1])[: 2 * width]
        over = [words[-1] == EOS or place == length - 1 for words, _ in more]
        ended += [found for found, is_over in zip(more, over) if is_over]
        live = [found for found, is_over in zip(more, over) if not is_over][:width]
    best, _ = max(ended, key=lambda found: found[1] / len(found[0]) ** 0.6)
    return [*best, *[PAD] * (length - len(best))]


@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_beam_gives_the_best_text_that_ever_ended_in_it(width):
    tables = np.asarray(jax.random.normal(jax.random.key(1), (40, 5, 5)) * 2)

    @jax.jit
    def found(table):
        next_word = lambda cache, ids, position: (table[ids], cache)
        return autoregressive.beam(next_word, counted(width), batch=1, length=5, width=width, **T5)

    ours = [found(table)[0].tolist() for table in tables]
    assert ours == [by_hand(table, width, 5) for table in tables]
    assert len({5 - ids.count(PAD) for ids in ours}) > 2, "texts of several lengths"


def test_words_after_the_end_are_padding():
    def ends_at_once(cache, ids, position):
        return jnp.zeros((ids.shape[0], WORDS)).at[:, EOS].set(9.0), cache

    ids = autoregressive.generate(ends_at_once, counted(2), batch=2, length=LENGTH, **T5)
    assert ids.tolist() == [[EOS, 0, 0]] * 2


def chain(cache, ids, position):
    """Word after word: 2, 1, 0, 3, 2, ... from any begin."""
    return jax.nn.one_hot((ids - 1) % WORDS, WORDS) * 9.0, cache


def decoded(how, **ids):
    """Six words of the chain, greedy or by a beam, which agree."""
    if how == "greedy":
        return autoregressive.generate(chain, counted(2), batch=2, length=6, **ids)[0]
    return autoregressive.beam(chain, counted(8), batch=2, length=6, width=4, **ids)[0]


@pytest.mark.parametrize("how", ["greedy", "beam"])
@pytest.mark.parametrize(
    "begin, end, pad, expected",
    [
        (3, 0, 0, [2, 1, 0, 0, 0, 0]),
        (3, 0, 3, [2, 1, 0, 3, 3, 3]),
        (2, 2, 2, [1, 0, 3, 2, 2, 2]),  # one id for all three, as in GPT-2
        (1, 1, 0, [0, 3, 2, 1, 0, 0]),  # padding is an ordinary word before the end
    ],
)
def test_begin_end_and_padding_are_the_given_ids(how, begin, end, pad, expected):
    assert decoded(how, begin=begin, end=end, pad=pad).tolist() == expected


@pytest.mark.parametrize("how", ["greedy", "beam"])
def test_without_an_end_every_id_is_a_word_and_all_places_are_filled(how):
    assert decoded(how, begin=3, end=None).tolist() == [2, 1, 0, 3, 2, 1]


def test_nucleus_draws_only_from_the_smallest_set_that_holds_the_mass():
    logits = jnp.log(jnp.array([[0.5, 0.3, 0.15, 0.05]]))
    keys = jax.random.split(jax.random.key(0), 300)
    drawn = jax.vmap(lambda k: autoregressive.nucleus(0.7)(logits, k))(keys)
    assert set(np.unique(drawn)) == {0, 1}


def test_sampling_draws_from_the_likeliest_k_and_of_these_from_their_mass():
    logits = jnp.log(jnp.array([[0.4, 0.1, 0.3, 0.2]]))
    keys = jax.random.split(jax.random.key(0), 300)
    drawn = lambda **how: set(
        np.unique(jax.vmap(lambda k: autoregressive.sampled(**how)(logits, k))(keys)).tolist()
    )
    assert drawn() == {0, 1, 2, 3} and drawn(top_k=3) == {0, 2, 3} and drawn(top_k=1) == {0}
    assert drawn(top_k=3, top_p=0.7) == {0, 2}  # of the three left, 4/9 and 3/9
    assert drawn(temperature=0) == drawn(temperature=0.01) == {0}


def test_a_low_temperature_sharpens_the_odds_as_its_power():
    logits = jnp.log(jnp.array([0.6, 0.3, 0.1]))
    rows = jnp.broadcast_to(logits, (20_000, 3))
    found = autoregressive.sampled(temperature=0.5)(rows, jax.random.key(1))
    shares = np.bincount(found, minlength=3) / 20_000
    np.testing.assert_allclose(shares, np.array([0.36, 0.09, 0.01]) / 0.46, atol=0.015)
