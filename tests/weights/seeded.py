"""Weights and pictures from a seed by one rule for both sides, so that no weight file is kept."""

import math
import zlib

import numpy as np


def tensors(shapes, seed):
    """{name: shape} in torch's layout -> {name: array}; nothing is left at 0 or 1."""
    return {name: _tensor(name, tuple(shape), seed) for name, shape in shapes.items()}


def _tensor(name, shape, seed):
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    if name.endswith("num_batches_tracked"):
        return np.array(7, np.int64)
    spread = rng.random(shape, np.float32) * 2 - 1
    if len(shape) > 1:  # so wide that activations keep their size after a ReLU
        return spread * np.float32(math.sqrt(6 / math.prod(shape[1:])))
    centre = 1.0 if name.endswith(("bn.weight", "running_var")) else 0.0
    return (centre + 0.3 * spread).astype(np.float32)


def pictures(shape, seed):
    """uint8 [n, h, w, 3]: smooth shades with noise on them."""
    rng = np.random.default_rng(seed)
    n, h, w, _ = shape
    waves = np.sin(np.arange(h)[:, None] / 9) + np.cos(np.arange(w)[None] / 7)
    shades = waves[None, :, :, None] * rng.uniform(-40, 40, (n, 1, 1, 3)) + 128
    return np.clip(shades + rng.integers(-40, 41, shape), 0, 255).astype(np.uint8)
