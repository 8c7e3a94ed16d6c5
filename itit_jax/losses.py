"""Losses and gradient devices that the recipes share. All float32."""

import math

import jax
import jax.numpy as jnp
import optax

MOST_SCALE = 100.0  # of InfoNCE's cosines (CLIP)


def cross_entropy(logits, targets, smoothing=0.0):
    """Logits [..., v], ids [...] -> loss [...] (MaskGIT, papers.md 1.2).

    The target is (1 - e) onehot + e / v, where e is `smoothing`.
    """
    exact = optax.softmax_cross_entropy_with_integer_labels(logits, targets)
    if not smoothing:
        return exact
    uniform = -jnp.mean(jax.nn.log_softmax(logits, axis=-1), axis=-1)
    return (1 - smoothing) * exact + smoothing * uniform


def masked_mean(values, mask, axis=None):
    """Mean of values [...] over `axis` where mask bool [...] holds; 0 where it never does."""
    return jnp.sum(values * mask, axis=axis) / jnp.maximum(jnp.sum(mask, axis=axis), 1)


def masked_tokens(logits, ids, known, smoothing=0.0):
    """Logits [b, n, c], ids int [b, n], known bool [b, n] -> cross-entropy of the tokens that are
    not known, their mean in each sample [b] (MaskGIT)."""
    return masked_mean(cross_entropy(logits, ids, smoothing), ~known, axis=-1)


def straight_through(logits, chosen=None):
    """One-hot rows of the argmax (or of `chosen` ids) whose gradient is that of the softmax.

    Logits [..., v], chosen [...] -> float32 [..., v] (papers.md 1.3). In this order the forward
    value is the one-hot exactly: p - stop_gradient(p) is 0, while stop_gradient(y - p) + p would
    carry the rounding of 1 - p.
    """
    logits = logits.astype(jnp.float32)
    chosen = jnp.argmax(logits, axis=-1) if chosen is None else chosen
    p = jax.nn.softmax(logits, axis=-1)
    y = jax.nn.one_hot(chosen, logits.shape[-1], dtype=jnp.float32)
    return y + (p - jax.lax.stop_gradient(p))


def codebook_losses(latents, quantised):
    """(codebook term, commitment term) of VQ-VAE, each a mean of squares; both [..., d]."""
    stop = jax.lax.stop_gradient
    codebook = jnp.mean(jnp.square(stop(latents) - quantised))
    commitment = jnp.mean(jnp.square(latents - stop(quantised)))
    return codebook, commitment


def revival_loss(codebook, latents, ids, key):
    """Pulls the codes that this batch left unused towards random latents of the batch.

    codebook [c, d]; latents [m, d]; ids [m]. Used codes get no gradient from it.
    """
    used = jnp.zeros(codebook.shape[0], bool).at[ids].set(True)
    pick = jax.random.randint(key, (codebook.shape[0],), 0, latents.shape[0])
    anchors = jax.lax.stop_gradient(latents[pick])
    return jnp.mean(jnp.where(used[:, None], 0.0, jnp.square(codebook - anchors)))


def hinge_discriminator(real, fake):
    """Hinge loss of the discriminator's patch scores [b, h, w, 1] of real and drawn pictures."""
    return 0.5 * (jnp.mean(jax.nn.relu(1 - real)) + jnp.mean(jax.nn.relu(1 + fake)))


def infonce(cosines, log_scale):
    """Symmetric InfoNCE (CLIP) of cosines [b, b], the pairs on the diagonal, -> [].

    exp(log_scale) [] multiplies them, at most 100 times.
    """
    logits = jnp.exp(_at_most(log_scale, math.log(MOST_SCALE))) * cosines
    own = jnp.arange(len(cosines))
    return jnp.mean(cross_entropy(logits, own) + cross_entropy(logits.T, own)) / 2


def sigmoid_contrast(cosines, log_scale, bias):
    """SigLIP's loss of cosines [b, b], the pairs on the diagonal, -> []: each of the b b is asked
    by itself whether it is a pair; a sum over the texts, a mean over the pictures."""
    sign = 2 * jnp.eye(len(cosines)) - 1
    logits = jnp.exp(log_scale) * cosines + bias
    return -jnp.mean(jnp.sum(jax.nn.log_sigmoid(sign * logits), axis=1))


def nearer(own, other, log_scale):
    """Of cosines [b] of pairs, and of the same pictures with another text: how surely the own text
    is told from the other, -> []."""
    return -jnp.mean(jax.nn.log_sigmoid(jnp.exp(log_scale) * (own - other)))


@jax.custom_vjp
def _at_most(x, most):
    """min(x, most). Past `most` the gradient still brings x down, and no longer up."""
    return jnp.minimum(x, most)


_at_most.defvjp(
    lambda x, most: (jnp.minimum(x, most), x < most),
    lambda below, g: (jnp.where(below | (g > 0), g, 0.0), None),
)


def when(active, term, params, *rest):
    """term(params, *rest) if `active`, else 0; differentiable with respect to params alone.

    The branch takes its gradient at once. Differentiating lax.cond from outside would write
    zeros for all activations of a branch that is not taken, at nearly the price of taking it.
    """
    both = jax.value_and_grad(term)

    @jax.custom_vjp
    def value(active, params, *rest):
        return jax.lax.cond(active, term, lambda *_: jnp.zeros(()), params, *rest)

    def forward(active, params, *rest):
        nothing = lambda p, *_: (jnp.zeros(()), jax.tree.map(jnp.zeros_like, p))
        return jax.lax.cond(active, both, nothing, params, *rest)

    def backward(grads, cotangent):
        return None, jax.tree.map(lambda g: g * cotangent, grads), *(None for _ in rest)

    value.defvjp(forward, backward)
    return value(active, params, *rest)
