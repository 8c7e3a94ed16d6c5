"""CLIP's and SigLIP's towers: pictures and texts -> features of one space (weights.md 3).

CLIP reads a class token, has a LayerNorm before its blocks too and projects both features; its
text is causal and read at the first end. SigLIP lets a learned probe attend to the patches; its
text has no mask and is read at the last place, so texts are padded to the whole length.
"""

import math
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from itit_jax.models.attention import Attention
from itit_jax.models.layers import MLP, Block, Stack

ACTIVATIONS = {
    "quick_gelu": lambda x: x * jax.nn.sigmoid(1.702 * x),
    "gelu": lambda x: nn.gelu(x, approximate=False),
    "gelu_pytorch_tanh": nn.gelu,
}


class Pixels(NamedTuple):
    """What a family makes of a picture: it is resized, then (x / 255 - mean) / deviation."""

    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    crop: bool  # scale the short side and cut out the centre, or squeeze the whole picture
    resample: int  # of Pillow: 1 Lanczos, 2 bilinear, 3 bicubic


LANCZOS = 1  # as data_pipelines.images scales every picture
CLIP_PIXELS = Pixels(
    (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711), True, 3
)
SIGLIP_PIXELS = Pixels((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), False, 3)


class Probe(nn.Module):
    """SigLIP's head: a learned vector attends to all places, then x + mlp(norm(x))."""

    heads: int
    mlp_width: int
    activation: str
    epsilon: float
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x):
        """[b, n, d] -> [b, d]."""
        width = x.shape[-1]
        probe = self.param("probe", nn.initializers.xavier_uniform(), (1, 1, width))
        probe = jnp.broadcast_to(probe.astype(self.dtype), (len(x), 1, width))
        attention = Attention(self.heads, width // self.heads, dtype=self.dtype, name="attention")
        x, _ = attention(probe, source=x)
        normed = nn.LayerNorm(self.epsilon, self.dtype, name="norm")(x)
        mlp = MLP(self.mlp_width, self.dtype, ACTIVATIONS[self.activation], name="mlp")
        return (x + mlp(normed))[:, 0]


class ImageTower(nn.Module):
    """Pictures -> features."""

    size: int  # pixels a side
    patch: int
    width: int
    mlp_width: int
    depth: int
    heads: int
    features: int  # width of the projection; 0 = none
    activation: str
    epsilon: float
    probe: bool  # SigLIP's head; else CLIP's class token
    pixels: Pixels
    scan: bool = True
    remat: str = "none"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, pixels):
        """pixels [b, size, size, 3] -> [b, features or width].

        uint8 pixels are normalised here; floats are taken as normalised already.
        """
        if pixels.dtype == jnp.uint8:
            mean, deviation = jnp.array(self.pixels.mean), jnp.array(self.pixels.deviation)
            pixels = (pixels.astype(jnp.float32) / 255 - mean) / deviation
        shape = (self.patch, self.patch)
        patches = nn.Conv(
            self.width, shape, shape, "VALID", use_bias=self.probe, dtype=self.dtype, name="patches"
        )
        x = patches(pixels).reshape(len(pixels), -1, self.width)
        norm = lambda name: nn.LayerNorm(self.epsilon, self.dtype, name=name)
        init = nn.initializers.normal(self.width**-0.5)
        if not self.probe:
            first = self.param("class_token", init, (self.width,)).astype(self.dtype)
            x = jnp.concatenate([jnp.broadcast_to(first, (len(x), 1, self.width)), x], axis=1)
        x = x + self.param("positions", init, x.shape[1:]).astype(self.dtype)
        if not self.probe:
            x = norm("pre_norm")(x)
        x, _ = _encoder(self)(x)
        if self.probe:
            head = Probe(
                self.heads, self.mlp_width, self.activation, self.epsilon, self.dtype, name="head"
            )
            x = head(norm("final_norm")(x))
        else:
            x = norm("final_norm")(x[:, 0])
        return _projected(x, self.features, self.dtype, use_bias=False)


class TextTower(nn.Module):
    """Ids -> features."""

    vocabulary_size: int
    length: int  # most ids of a text
    width: int
    mlp_width: int
    depth: int
    heads: int
    features: int  # width of the projection; 0 = none
    activation: str
    epsilon: float
    end: int | None  # CLIP's last id of a text; None = SigLIP: no mask, read at the last place
    scan: bool = True
    remat: str = "none"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, ids):
        """ids int [b, t] -> [b, features or width]; what follows the first `end` is not read."""
        init = nn.initializers.normal(0.02)
        table = self.param("token_embedding", init, (self.vocabulary_size, self.width))
        positions = self.param("positions", init, (self.length, self.width))
        count = ids.shape[1]
        x = (jnp.take(table, ids, axis=0) + positions[:count]).astype(self.dtype)
        causal = self.end is not None
        mask = jnp.tril(jnp.ones((1, 1, count, count), bool)) if causal else None
        x, _ = _encoder(self)(x, mask)
        x = x[jnp.arange(len(x)), jnp.argmax(ids == self.end, axis=1)] if causal else x[:, -1]
        x = nn.LayerNorm(self.epsilon, self.dtype, name="final_norm")(x)
        return _projected(x, self.features, self.dtype, use_bias=not causal)


class Towers(nn.Module):
    """One tower or both. Features are not normalised: that belongs to their comparison."""

    image: ImageTower | None
    text: TextTower | None
    scale: float = 10.0  # where the factor of the cosines begins
    bias: float = -10.0  # where SigLIP's begins

    def setup(self):
        if self.image is None or self.text is None:
            return
        start = nn.initializers.constant(math.log(self.scale))
        self.logit_scale = self.param("logit_scale", start, ())
        if self.image.probe:
            self.logit_bias = self.param("logit_bias", nn.initializers.constant(self.bias), ())

    def __call__(self, pixels, ids):
        """pixels [b, h, w, 3], ids [b, t] -> (features [b, e], features [b, e]), of pictures and of
        texts; None for a tower that is not there."""
        return (
            None if self.image is None else self.image(pixels),
            None if self.text is None else self.text(ids),
        )

    def image_features(self, pixels):
        """pixels [b, size, size, 3], uint8 or normalised floats -> [b, e]."""
        return self.image(pixels)

    def text_features(self, ids):
        """ids int [b, t] -> [b, e]."""
        return self.text(ids)

    def logits(self, image_features, text_features):
        """exp(scale) cos, plus SigLIP's bias: [pictures, texts]."""
        found = jnp.exp(self.logit_scale) * unit(image_features) @ unit(text_features).T
        return found + self.logit_bias if self.image.probe else found


def unit(x):
    """[..., d] -> [..., d] of length 1."""
    return x / jnp.linalg.norm(x, axis=-1, keepdims=True)


def from_config(config):
    """Both towers of a towers config. Texts end with the id 1 (T5's layout)."""
    model, siglip = config.model, config.model.family == "siglip"
    shared = dict(
        activation="gelu_pytorch_tanh" if siglip else "quick_gelu",
        epsilon=1e-6 if siglip else 1e-5,
        scan=model.scan,
        remat=config.mesh.remat,
        dtype=jnp.dtype(config.precision.compute),
    )
    image = ImageTower(
        size=config.data.image_size,
        features=0 if siglip else model.features,
        probe=siglip,
        pixels=_as_data_sets(SIGLIP_PIXELS if siglip else CLIP_PIXELS),
        **model.image,
        **shared,
    )
    text = TextTower(
        vocabulary_size=model.vocabulary_size,
        length=config.data.text_length,
        features=model.features,
        end=None if siglip else 1,
        **model.text,
        **shared,
    )
    return Towers(
        image,
        text,
        scale=first_scale(config.loss),
        bias=-math.log(config.data.rows.caption),  # one pair among so many texts
    )


def _as_data_sets(family):
    """Pixels of a tower that is trained here, whose pictures a data set brings to their size."""
    return family._replace(crop=True, resample=LANCZOS)


def first_scale(loss):
    """The factor of the cosines before the first step; where the temperature is held, always."""
    if loss.temperature:
        return 1 / loss.temperature
    return 1 / 0.07 if loss.contrast == "infonce" else 10.0


def _encoder(tower):
    arguments = dict(
        heads=tower.heads,
        mlp_width=tower.mlp_width,
        dtype=tower.dtype,
        activation=ACTIVATIONS[tower.activation],
        epsilon=tower.epsilon,
    )
    return Stack(Block, arguments, tower.depth, tower.scan, tower.remat, name="encoder")


def _projected(x, features, dtype, use_bias):
    if not features:
        return x
    return nn.Dense(features, use_bias, dtype, name="projection")(x)
