"""The smallest ITIT that has every part, for tests: 16 image tokens, 8 words of 32."""

import jax
import jax.numpy as jnp
import numpy as np

from configs import itit, vq_tiny

TOKENS, WORDS, LENGTH = 16, 32, 8
TOKENIZER = vq_tiny.get_config().model
CODES = int(np.prod(TOKENIZER.levels))
IMAGE = 4 * TOKENIZER.patch  # pixels a side of 4x4 tokens


def itit_config(**changes):
    """A locked config of the tiny model; changes by dotted key with "__" for the dot."""
    c = itit.defaults()
    c.data.update(image_size=IMAGE, text_length=LENGTH)
    c.data.rows.update(draw=8, caption=8, images=8, texts=8)
    c.tokenizer.config = "configs/vq_tiny.py"
    c.text_encoder.update(layers=1, width=16, mlp_width=32, heads=2, head_width=8)
    c.model.update(vocabulary_size=WORDS, width=16, depth=1, heads=2, mlp_width=32, scan=False)
    c.model.image_decoder.depth = 1
    c.model.text_decoder.update(depth=1, width=16, heads=2, mlp_width=32)
    c.masks.update(draw_min=0.25, caption_drop=0.25)
    c.cycle.update(rounds=2)
    c.decode.update(rounds=2, temperature=1.0)
    c.train.steps = 10
    c.optimizer.warmup_steps = 2
    for key, value in changes.items():
        *sections, name = key.split("__")
        target = c
        for section in sections:
            target = target[section]
        target[name] = value
    return c


def batch(seed=0, rows=8):
    """One step's rows of tokens and texts."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(3, LENGTH + 1, (rows, 1))
    text = rng.integers(3, WORDS, (rows, LENGTH)).astype(np.int32)
    text = np.where(np.arange(LENGTH) < lengths - 1, text, np.arange(LENGTH) == lengths - 1)
    tokens = lambda: jnp.asarray(rng.integers(0, CODES, (rows, TOKENS)), jnp.int32)
    text = jnp.asarray(text, jnp.int32)
    return {
        "draw": {"tokens": tokens(), "text": text},
        "caption": {"tokens": tokens(), "text": text[::-1]},
        "images": {"tokens": tokens()},
        "texts": {"text": text},
    }


def filled(shapes, seed=0):
    """Random numbers for a tree of shapes, no zero among them that hides a fault, and scales near
    one; without compiling anything."""
    rng = np.random.default_rng(seed)

    def leaf(path, x):
        middle = 1.0 if path[-1].key == "scale" else 0.0
        return rng.normal(middle, 0.3, x.shape).astype(x.dtype)

    return jax.tree_util.tree_map_with_path(leaf, shapes)


def parameters(network, *inputs, seed=0):
    """The same for all that a network or a recipe has."""
    return filled(jax.eval_shape(network.init, jax.random.key(0), *inputs), seed)


def begun(program):
    """A state of a program at step 0, filled; nothing is compiled."""
    shapes = program.state
    zeros = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes)
    params = filled(shapes.params)
    state = zeros.replace(params=params, ema=None if shapes.ema is None else params)
    return jax.tree.map(lambda x, like: jax.device_put(x, like.sharding), state, shapes)
