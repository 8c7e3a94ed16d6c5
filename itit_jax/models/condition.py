"""C3's condition: what a vector of a contrastive space becomes before it is decoded from.

Training and inference, pictures and texts all go through `condition`, in the order of papers.md
2.2. In such a space a picture and its text differ by a constant vector and by noise; the means take
the constant away (collapse), and what was trained under noise (corrupt) bears the rest.
"""

import dataclasses

import jax

from itit_jax.models.towers import unit


@dataclasses.dataclass
class Means:
    """Of pictures and of texts, vectors [d] each: what is collapsed."""

    width: int


def condition(vectors, mean=0.0, noise=None):
    """Vectors [b, d] -> [b, d] of length 1: normalise, collapse, corrupt, normalise again.

    mean [d]: of the unit vectors of that modality over the training data; 0 leaves the gap.
    noise: vectors [b, d] -> [b, d], in training alone.
    """
    x = unit(vectors) - mean
    if noise is not None:
        x = noise(x)
    return unit(x)


def gaussian(key, energy):
    """x + sigma N(0, 1), where energy = sigma^2 d is what the noise adds to the squared length.

    The paper's sigma^2 = 0.016 belongs to 512 dimensions: an energy of 8.2 to a length of 1.
    """

    def noise(x):
        sigma = (energy / x.shape[-1]) ** 0.5
        return x + sigma * jax.random.normal(key, x.shape, x.dtype)

    return noise


def lafite(key, share):
    """(1 - xi) x + xi n / |n|, n ~ N(0, 1), xi the share: LAFITE's own noise."""

    def noise(x):
        return (1 - share) * x + share * unit(jax.random.normal(key, x.shape, x.dtype))

    return noise

