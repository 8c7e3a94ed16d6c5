"""Sampling by the inverse of the distribution function, beside the shares that it must give."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from itit_jax.decoding.sampling import sample

ROWS = 50_000


@pytest.mark.parametrize("count", [1, 2, 7, 16, 30])
def test_ids_come_in_the_shares_of_their_logits(count):
    logits = jax.random.normal(jax.random.key(count), (count,)) * 2
    wanted = np.exp(np.float64(logits))
    wanted /= wanted.sum()
    found = sample(jax.random.key(0), jnp.broadcast_to(logits, (ROWS, count)))
    shares = np.bincount(found, minlength=count) / ROWS
    np.testing.assert_array_less(
        np.abs(shares - wanted), 5 * np.sqrt(wanted * (1 - wanted) / ROWS) + 1e-9
    )


@pytest.mark.parametrize(("share", "id"), [(0.0, 1), (1 - 2.0**-24, 12)])
def test_the_ends_of_the_distribution_are_ids_that_have_mass(monkeypatch, share, id):
    monkeypatch.setattr(jax.random, "uniform", lambda key, shape: jnp.full(shape, share))
    logits = jnp.full((3, 20), -jnp.inf).at[:, jnp.array([1, 5, 12])].set(0.0)
    assert sample(jax.random.key(0), logits).tolist() == [id] * 3


def test_rows_are_drawn_apart_and_a_key_draws_the_same_again():
    logits = jnp.zeros((4, 6, 100))
    found = sample(jax.random.key(3), logits)
    assert found.shape == (4, 6) and found.dtype == jnp.int32 and len(np.unique(found)) > 15
    np.testing.assert_array_equal(found, sample(jax.random.key(3), logits))
