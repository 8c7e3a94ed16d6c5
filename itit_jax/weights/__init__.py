"""Published weights, read without torch and without running anything that a file says."""

from itit_jax.weights.load import load, read, save

__all__ = ["load", "read", "save"]
