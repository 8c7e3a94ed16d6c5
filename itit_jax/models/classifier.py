"""A small convolutional network from a picture to the words of its caption."""

import flax.linen as nn
import jax.numpy as jnp

from itit_jax.models.vqgan import group_norm


class Classifier(nn.Module):
    """Convolutions of stride 2, one linear map to features, one to words."""

    channels: tuple[int, ...]
    width: int
    words: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, pixels):
        """[b, h, w, 3] in [-1, 1] -> (features [b, width], logits [b, words]), float32."""
        x = pixels.astype(self.dtype)
        for i, channels in enumerate(self.channels):
            x = nn.Conv(channels, (3, 3), (2, 2), dtype=self.dtype, name=f"conv_{i}")(x)
            x = nn.swish(group_norm(x, f"norm_{i}", self.dtype))
        x = x.reshape(len(x), -1)  # every place keeps its own: captions tell where things are
        features = nn.swish(nn.Dense(self.width, dtype=self.dtype, name="features")(x))
        # Of one size, or the few pictures with large features would decide every distance.
        features = nn.LayerNorm(dtype=self.dtype, name="features_norm")(features)
        logits = nn.Dense(self.words, dtype=self.dtype, name="words")(features)
        return features.astype(jnp.float32), logits.astype(jnp.float32)


def from_config(section, compute="float32"):
    """Classifier of the `model` section of a classifier config."""
    return Classifier(
        channels=tuple(section.channels),
        width=section.width,
        words=section.vocabulary_size,
        dtype=jnp.dtype(compute),
    )
