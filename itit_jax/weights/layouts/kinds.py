"""Every layout that we read and write, by its name."""

from itit_jax.weights.layouts import inception, t5, vqgan

KINDS = t5.KINDS | vqgan.KINDS | inception.KINDS
