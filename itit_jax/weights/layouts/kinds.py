"""Every layout that we read and write, by its name."""

from itit_jax.weights.layouts import t5, towers, vqgan

KINDS = t5.KINDS | vqgan.KINDS | towers.KINDS
