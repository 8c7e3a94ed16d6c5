"""The terms of a critic, on one whose scores are known by hand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from itit_jax.recipes import critic


class Critic:
    """A critic that one can compute by hand: score and feature are multiples of the pixels."""

    def apply(self, variables, x):
        a, b = variables["params"]["a"], variables["params"]["b"]
        return a * x, [b * x]


@functools.cache
def critic_terms(step, a=2.0, b=3.0, real=0.25, fake=-0.25):
    term = lambda p, x: critic.terms(Critic(), p, jnp.full((1, 2), real), x, step >= 4)
    params, made = {"a": jnp.float32(a), "b": jnp.float32(b)}, jnp.full((1, 2), fake)
    both = lambda *a: (term(*a), jax.jacobian(term, argnums=(0, 1))(*a))
    return jax.jit(both)(params, made)


def test_the_critic_s_terms_are_those_computed_by_hand():
    found, _ = critic_terms(step=4)
    hinge = 0.5 * (max(0, 1 - 2 * 0.25) + max(0, 1 + 2 * -0.25))
    assert {n: float(v) for n, v in found.items()} == pytest.approx(
        {"adversarial": 0.5, "perceptual": 3 * 0.5, "discriminator": hinge}
    )


def test_before_its_start_the_critic_neither_judges_nor_learns():
    found, _ = critic_terms(step=3)
    assert float(found["adversarial"]) == float(found["discriminator"]) == 0
    assert float(found["perceptual"]) > 0


def test_who_makes_pictures_learns_from_the_verdict_and_the_critic_from_its_own_loss():
    _, slopes = critic_terms(step=4)
    for name, learns in (("adversarial", False), ("perceptual", False), ("discriminator", True)):
        of_critic, of_made = slopes[name]
        assert bool(of_critic["a"] != 0) == learns, name
        assert bool(np.any(of_made != 0)) == (not learns), name
