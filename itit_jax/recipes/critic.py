"""What a critic says of pictures that a recipe made, and what it learns from them."""

import jax
import jax.numpy as jnp

from itit_jax import losses
from itit_jax.models.discriminator import PatchDiscriminator


def asked(weights):
    """The network, if the section loss.* of a config gives one of its terms a weight."""
    return PatchDiscriminator() if weights.adversarial or weights.perceptual else None


def terms(critic, params, pixels, made, on):
    """{"adversarial", "perceptual"} of the pictures `made` [b, h, w, 3] in the place of `pixels`
    [b, h, w, 3], and {"discriminator"} of the critic itself; on: whether it judges yet.

    One optimizer serves both: the terms of who makes see frozen critic parameters, the critic's
    term sees detached pictures.
    """
    stop = jax.lax.stop_gradient
    judge = lambda p, x: critic.apply({"params": p}, x)
    fake, fake_features = judge(stop(params), made)
    _, real_features = judge(stop(params), pixels)
    perceptual = [jnp.mean(jnp.abs(a - b)) for a, b in zip(fake_features, real_features)]
    hinge = losses.hinge_discriminator(judge(params, pixels)[0], judge(params, stop(made))[0])
    return {
        "adversarial": jnp.where(on, -jnp.mean(fake), 0.0),
        "perceptual": sum(perceptual) / len(perceptual),
        "discriminator": jnp.where(on, hinge, 0.0),
    }
