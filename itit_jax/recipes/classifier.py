"""A classifier of pictures by the words of their captions, whose features measure pictures.

Not of a paper: Inception's features mean little on drawn scenes and need a download. Here a network
learns from the same pairs what their captions speak of, and its last layer but one takes the place
of Inception's.
"""

import jax
import jax.numpy as jnp
import optax

from itit_jax.models import classifier, picture_flops, vqgan
from itit_jax.recipes import base

FIRST_WORD = 2  # ids below are padding and the end


class Recipe:
    """One part: classifier."""

    def __init__(self, config):
        self.image_size = config.data.image_size
        self.network = classifier.from_config(config.model, config.precision.compute)
        self.trainable = ("classifier",)
        self.weights_from = {}
        self.tables = {"vocabulary": "classifier/words/(kernel|bias)"}
        pairs = {name: ("image", "text") for name in ("draw", "caption")}
        self.batch_spec = base.batch_spec(config, pairs)
        self.encodings = {"features": base.Encoding("image", ("classifier",), self.features)}

    def init(self, key):
        pixels = jnp.zeros((1, self.image_size, self.image_size, 3))
        return {"classifier": self.network.init(key, pixels)["params"]}

    def features(self, params, images):
        """uint8 [b, h, w, 3] -> float32 [b, width]."""
        return self._read(params, images)[0]

    def _read(self, params, images):
        return self.network.apply({"params": params["classifier"]}, vqgan.to_signed(images))

    def loss(self, params, batch, key, step, teacher):
        """Of pictures uint8 [b, h, w, 3] and their texts int32 [b, t], all streams joined."""
        del key, step, teacher
        rows = {name: jnp.concatenate([r[name] for r in batch.values()]) for name in
                ("image", "text")}  # fmt: skip
        wrong, found = self._compare(params, rows)
        loss = jnp.mean(wrong)
        return loss, {"loss": loss, "f1": jnp.mean(found)}

    def _compare(self, params, rows):
        """-> (cross-entropy a word [b], F1 of the words that are told [b])."""
        _, logits = self._read(params, rows["image"])
        said = said_words(rows["text"], logits.shape[1])
        logits = logits[:, FIRST_WORD:]
        told = logits > 0
        both = 2 * jnp.sum(told & said, axis=1) / jnp.sum(1 * told + said, axis=1).clip(1)
        return jnp.mean(optax.sigmoid_binary_cross_entropy(logits, said), axis=1), both

    def flops(self):
        """{term: Flops} of one global step."""
        rows = sum(base.rows(self).values())
        return {"classify": picture_flops.classifier(self.network, rows, self.image_size)}

    def score(self, params, rows, key):
        """Per example: its loss [b] and the F1 of its words [b]."""
        del key
        wrong, found = self._compare(params, rows)
        return {"loss": wrong, "f1": found}


def said_words(text, words):
    """Ids int [b, t] -> bool [b, words - 2]: which words stand in the text, however often."""
    return jnp.any(jax.nn.one_hot(text, words, dtype=bool), axis=1)[:, FIRST_WORD:]
