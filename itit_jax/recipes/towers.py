"""Two towers that put a picture and its text at one place (CLIP, SigLIP; papers.md 2.4).

Every picture is contrasted with every text of the global step: the product of all vectors is one
array, so on any mesh the loss is that of one device.
"""

import math

import jax
import jax.numpy as jnp

from itit_jax import losses
from itit_jax.models import flops, t5, towers
from itit_jax.recipes import base


class Recipe:
    """One part: tower, which holds both and what scales their cosines."""

    def __init__(self, config):
        self.contrast, self.exchanged = config.loss.contrast, config.loss.exchanged
        self.held = bool(config.loss.temperature)
        self.network = towers.from_config(config)
        self.trainable = ("tower",)
        self.weights_from = {}
        self.tables = {"vocabulary": "tower/text/token_embedding", "places": "tower/.*/positions"}
        self.batch_spec = base.batch_spec(config, {"caption": ("image", "text")})
        self.encodings = {
            "image": base.Encoding("image", ("tower",), self.embed_images),
            "text": base.Encoding("text", ("tower",), self.embed_texts),
        }

    def published(self):
        """{part: how it is given away}."""
        layout = "siglip" if self.network.image.probe else "clip"
        return {"tower": base.Published("tower", layout, self.network)}

    def init(self, key):
        size, length = self.network.image.size, self.network.text.length
        pixels, words = jnp.zeros((1, size, size, 3)), jnp.zeros((1, length), jnp.int32)
        return {"tower": self.network.init(key, pixels, words)["params"]}

    def embed_images(self, params, images):
        """uint8 [b, h, w, 3] -> vectors [b, d] of length 1, float32."""
        return self._embed(params, images, "image_features")

    def embed_texts(self, params, text):
        """Word ids int32 [b, t] -> vectors [b, d] of length 1, float32."""
        return self._embed(params, text, "text_features")

    features = embed_images

    def _embed(self, params, rows, method):
        found = self.network.apply({"params": params["tower"]}, rows, method=method)
        return towers.unit(found.astype(jnp.float32))

    def loss(self, params, batch, key, step, teacher):
        """Of pictures uint8 [b, h, w, 3] and their texts int32 [b, t], a pair a row."""
        del step, teacher
        rows, tower = batch["caption"], params["tower"]
        held = jnp.float32(math.log(self.network.scale))
        log_scale = held if self.held else tower["logit_scale"]
        images = self.embed_images(params, rows["image"])
        texts = self.embed_texts(params, rows["text"])
        cosines = images @ texts.T
        if self.contrast == "sigmoid":
            loss = losses.sigmoid_contrast(cosines, log_scale, tower["logit_bias"])
        else:
            loss = losses.infonce(cosines, log_scale)
        metrics = {}
        if self.exchanged:
            others = self.embed_texts(params, exchange(key, rows["text"]))
            pairs = jnp.diagonal(cosines), jnp.sum(images * others, axis=-1)
            metrics["exchanged"] = losses.nearer(*pairs, log_scale)
            loss += self.exchanged * metrics["exchanged"]
        return loss, metrics | {
            "loss": loss,
            "cosine": jnp.mean(jnp.diagonal(cosines)),
            "scale": jnp.exp(log_scale),
        }

    def flops(self):
        """{term: Flops} of one global step."""
        rows = base.rows(self)["caption"]
        return {
            "image": flops.image_tower(self.network.image, rows),
            "text": flops.text_tower(self.network.text, rows * (2 if self.exchanged else 1)),
            "contrast": flops.dense(rows, self.network.text.features, rows),
        }

    def score(self, params, rows, key):
        """Per example: the cosine of its pair [b], and both vectors [b, d]."""
        del key
        images = self.embed_images(params, rows["image"])
        texts = self.embed_texts(params, rows["text"])
        cosine = jnp.sum(images * texts, axis=-1)
        return {"cosine": cosine, "image_vector": images, "text_vector": texts}


def exchange(key, text):
    """Word ids int [b, t] -> the same, but that two words of each row stand in each other's place.
    A row of fewer than two words stays as it is."""
    chosen = jax.random.gumbel(key, text.shape) + jnp.where(text > t5.EOS, 0.0, -jnp.inf)
    drawn, places = jax.lax.top_k(chosen, 2)
    rows = jnp.arange(len(text))[:, None]
    other = text.at[rows, places].set(text[rows, places[:, ::-1]])
    return jnp.where(jnp.isfinite(drawn[:, 1:]), other, text)
