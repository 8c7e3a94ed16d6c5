"""Autoregressive decoding on a toy Markov chain, against exhaustive search."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from itit_jax.decoding import text

WORDS, LENGTH = 4, 3
TABLE = jax.random.normal(jax.random.key(0), (WORDS, WORDS)) * 2


def step(cache, ids, position):
    """Next-word logits depend on the last word; the cache counts calls."""
    logits = TABLE[ids].at[:, text.PAD].set(-jnp.inf)
    return logits, cache + 1


def log_p(words):
    """Log-probability of a word sequence that starts from PAD, by hand."""
    total, last = 0.0, text.PAD
    for word in words:
        row = np.asarray(TABLE[last], np.float64).copy()
        row[text.PAD] = -np.inf
        total += row[word] - np.log(np.exp(row[1:]).sum())
        last = word
    return total


def every_text():
    for n in range(1, LENGTH + 1):
        for words in itertools.product(range(1, WORDS), repeat=n):
            ended = text.EOS in words
            if (ended and words.index(text.EOS) == n - 1) or (not ended and n == LENGTH):
                yield words


def test_greedy_follows_the_likeliest_word():
    ids = text.generate(step, jnp.zeros((1, 2)), batch=2, length=LENGTH)
    last, expected = 0, []
    for _ in range(LENGTH):
        last = 1 + int(np.argmax(TABLE[last][1:]))
        expected.append(last)
        if last == text.EOS:
            break
    expected += [0] * (LENGTH - len(expected))
    assert ids.tolist() == [expected] * 2


def test_a_wide_beam_finds_the_best_text_of_all():
    best = max(every_text(), key=lambda w: log_p(w) / len(w) ** 0.6)
    width = 32
    ids = text.beam(step, jnp.zeros((1, width)), batch=1, length=LENGTH, width=width)
    assert ids[0, : len(best)].tolist() == list(best)


def test_beam_of_width_one_equals_greedy():
    greedy = text.generate(step, jnp.zeros((1, 3)), batch=3, length=LENGTH)
    beam = text.beam(step, jnp.zeros((1, 3)), batch=3, length=LENGTH, width=1)
    np.testing.assert_array_equal(greedy, beam)


def test_words_after_the_end_are_padding():
    def ends_at_once(cache, ids, position):
        return jnp.zeros((ids.shape[0], WORDS)).at[:, text.EOS].set(9.0), cache

    ids = text.generate(ends_at_once, jnp.zeros((1, 2)), batch=2, length=LENGTH)
    assert ids.tolist() == [[text.EOS, 0, 0]] * 2


def test_nucleus_draws_only_from_the_smallest_set_that_holds_the_mass():
    logits = jnp.log(jnp.array([[0.5, 0.3, 0.15, 0.05]]))
    keys = jax.random.split(jax.random.key(0), 300)
    drawn = jax.vmap(lambda k: text.nucleus(0.7)(logits, k))(keys)
    assert set(np.unique(drawn)) == {0, 1}
