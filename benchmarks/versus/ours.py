"""Our sides: the recipe's own functions, given text features and image tokens as the peers are.

Each function takes a size and a batch -> (call, parameters). Parameters are arguments of what is
compiled, and the random inputs are others at each call.
"""

import itertools

import jax
import jax.numpy as jnp

from configs import itit
from itit_jax import optimizers, state
from itit_jax.decoding import autoregressive
from itit_jax.models import t5
from itit_jax.recipes.itit import Recipe
from itit_jax.step import make_train_step


def draw_all(size, batch):
    """Every round reads all tokens, as the peers do."""
    shape = (batch, size.side**2)
    return _draw(size, batch, given=(jnp.zeros(shape, jnp.int32), jnp.zeros(shape, bool)))


def draw(size, batch):
    """As users draw: masked tokens are dropped."""
    return _draw(size, batch)


def _draw(size, batch, given=None):
    recipe = Given(_config(size), size.codes)
    params, features = jax.jit(recipe.init)(jax.random.key(0)), _features(size, batch)
    valid = jnp.ones(features.shape[:2], bool)

    def drawn(params, features, key):
        return recipe.generation.draw_tokens(
            params, features, valid, key, rounds=size.rounds, temperature=4.5, given=given
        )

    return _called(jax.jit(drawn), params, features), _count(params)


def caption(size, batch):
    """As users caption, to the full length: no word ends a text."""
    config = _config(size)
    config.data.text_length, config.model.depth = size.caption, size.layers
    recipe = Given(config, size.codes, speaks=True)
    params = jax.jit(recipe.init)(jax.random.key(0))

    def captioned(params, key):
        ids = jax.random.randint(key, (batch, recipe.tokens), 0, size.codes)
        return autoregressive.generate(
            *recipe.generation._speaker(params, ids), batch=batch, length=size.caption,
            begin=t5.PAD, end=None,
        )  # fmt: skip

    return _called(jax.jit(captioned), params), _count(params)


def encode(size, batch):
    """Features of texts of 64 words."""
    config = _config(size)
    config.text_encoder.update(width=size.width, layers=size.layers, heads=size.heads)
    config.text_encoder.update(mlp_width=size.width * 8 // 3)
    network, shape = Recipe(config).text_encoder, (batch, size.words)
    valid = jnp.ones(shape, bool)
    params = jax.jit(network.init)(jax.random.key(0), jnp.zeros(shape, jnp.int32), valid)

    def encoded(params, key):
        return network.apply(params, jax.random.randint(key, shape, 0, size.vocabulary), valid)

    return _called(jax.jit(encoded), params), _count(params)


def train_all(size, batch):
    """A step whose encoder reads all tokens, as the peers do."""
    return _train(size, batch, draw_min=0.0)


def train(size, batch):
    """A step as the recipe has it: its encoder reads the half that may be known."""
    return _train(size, batch)


def _train(size, batch, **masks):
    config = _config(size)
    config.masks.update(masks)
    recipe, features = Given(config, size.codes), _features(size, batch)
    optimizer = optimizers.make(config.optimizer, config.train.steps)
    held = [jax.jit(state.make_init(recipe, optimizer, False))(jax.random.key(0))]
    parameters = _count(held[0].params)
    step = jax.jit(make_train_step(recipe, optimizer, seed=0), donate_argnums=0)
    keys = _keys()
    shape = (batch, recipe.tokens)

    def call():
        ids = jax.random.randint(next(keys), shape, 0, size.codes)
        held[0], metrics = step(held[0], {}, {"draw": {"tokens": ids, "text": features}})
        jax.block_until_ready((held[0], metrics))

    return call, parameters


class Given(Recipe):
    """ITIT of a size whose texts are features already; one that does not speak has no captioner."""

    def __init__(self, config, codes, *, speaks=False):
        super().__init__(config)
        speaker = self.model.text_decoder if speaks else None
        self.model = self.model.clone(codes=codes, text_decoder=speaker)

    def init(self, key):
        """Fresh parameters of what it has."""
        text = (1, self.model.text_length)
        places = jnp.arange(self.tokens)[None]
        seen = jnp.zeros_like(places), places, places >= 0
        features = jnp.zeros((*text, self.text_encoder.width)), jnp.ones(text, bool)
        words = None if self.model.text_decoder is None else jnp.zeros(text, jnp.int32)
        params = self.model.init(key, words, *seen, *features, method=_touch)["params"]
        return {"model": params}

    def text_features(self, params, words, valid=None):
        """Features [b, t, e] as they are -> (features, valid bool [b, t])."""
        return words, jnp.ones(words.shape[:2], bool)


def _touch(network, words, *seen):
    """All parts that there are, once. seen: tokens, places and visible [b, s], text [b, t, e] and
    text_valid [b, t]; words [b, t], or None where it does not speak."""
    if words is not None:
        return network(*seen, words)
    states, valid = network.encode(*seen)
    return network.decode_image(states, valid, *seen[1:3])


def _config(size):
    """The size in keys; a quarter of the layers are the image decoder's."""
    c = itit.defaults()
    c.data.update(image_size=16 * size.side, text_length=size.words)
    c.tokenizer.config = "configs/vq_f16.py"
    c.text_encoder.width = size.features
    widths = dict(width=size.width, heads=size.heads, mlp_width=4 * size.width)
    c.model.update(widths, depth=size.layers - size.layers // 4, vocabulary_size=size.vocabulary)
    c.model.scan = False  # as the demo does on a CPU
    c.model.image_decoder.depth = size.layers // 4
    c.model.text_decoder.update(widths, depth=size.layers)
    c.cycle.mode = "none"
    c.loss.update(caption=0.0, smoothing=0.0, condition_drop=0.0)
    c.optimizer.update(name="adamw", weight_decay=0.05, clip_norm=0.0)
    return c


def _features(size, batch):
    return jax.random.normal(jax.random.key(1), (batch, size.words, size.features))


def _called(function, *arguments):
    """A call of the function with another key each time, that waits for what it makes."""
    keys = _keys()
    return lambda: jax.block_until_ready(function(*arguments, next(keys)))


def _keys():
    return (jax.random.key(number) for number in itertools.count())


def _count(params):
    return sum(leaf.size for leaf in jax.tree.leaves(params))
