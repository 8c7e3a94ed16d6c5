"""Every layout that we read and write, by its name."""

from itit_jax.weights.layouts import gpt2, inception, maskgit, t5, t5x, towers, vqgan

KINDS = (
    t5.KINDS | t5x.KINDS | vqgan.KINDS | maskgit.KINDS | inception.KINDS | towers.KINDS | gpt2.KINDS
)
OURS = "itit_jax"  # the one beside them: our own paths
