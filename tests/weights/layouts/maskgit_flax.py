"""MaskGIT's tokenizer as a Flax program names it by itself: Conv_0, ResBlock_3, GroupNorm_0, ...

Written from weights.md 2b. It says how many and in which order; the names are Flax's.
"""

import math

import flax.linen as nn
import jax


class ResBlock(nn.Module):
    channels: int

    @nn.compact
    def __call__(self, x):
        channels, rest = x.shape[-1], x
        for _ in range(2):
            x = nn.swish(nn.GroupNorm(math.gcd(32, x.shape[-1]))(x))
            x = nn.Conv(self.channels, (3, 3), use_bias=False)(x)
        if channels != self.channels:
            rest = nn.Conv(self.channels, (1, 1), use_bias=False)(x)
        return x + rest


class Encoder(nn.Module):
    base: int
    multipliers: tuple[int, ...]
    blocks: int
    width: int

    @nn.compact
    def __call__(self, x):
        x = nn.Conv(self.base, (3, 3), use_bias=False)(x)
        for level, multiplier in enumerate(self.multipliers):
            if level:
                x = nn.avg_pool(x, (2, 2), (2, 2), "SAME")
            for _ in range(self.blocks):
                x = ResBlock(self.base * multiplier)(x)
        for _ in range(self.blocks):
            x = ResBlock(self.base * self.multipliers[-1])(x)
        x = nn.swish(nn.GroupNorm(math.gcd(32, x.shape[-1]))(x))
        return nn.Conv(self.width, (1, 1))(x)


class Decoder(nn.Module):
    base: int
    multipliers: tuple[int, ...]
    blocks: int

    @nn.compact
    def __call__(self, x):
        x = nn.Conv(self.base * self.multipliers[-1], (3, 3))(x)
        for _ in range(self.blocks):
            x = ResBlock(self.base * self.multipliers[-1])(x)
        for level, multiplier in reversed(list(enumerate(self.multipliers))):
            for _ in range(self.blocks):
                x = ResBlock(self.base * multiplier)(x)
            if level:
                b, h, w, c = x.shape
                x = jax.image.resize(x, (b, 2 * h, 2 * w, c), "nearest")
                x = nn.Conv(self.base * multiplier, (3, 3))(x)
        x = nn.swish(nn.GroupNorm(math.gcd(32, x.shape[-1]))(x))
        return nn.Conv(3, (3, 3))(x)


class Quantizer(nn.Module):
    codes: int
    width: int

    @nn.compact
    def __call__(self, ids):
        book = self.param("codebook", nn.initializers.normal(1.0), (self.codes, self.width))
        return book[ids]


class VQVAE(nn.Module):
    """pixels in [0, 1], ids -> (latents of the pixels, pixels of the ids)."""

    base: int
    multipliers: tuple[int, ...]
    blocks: int
    codes: int
    width: int

    def setup(self):
        self.encoder = Encoder(self.base, self.multipliers, self.blocks, self.width)
        self.decoder = Decoder(self.base, self.multipliers, self.blocks)
        self.quantizer = Quantizer(self.codes, self.width)

    def __call__(self, pixels, ids):
        return self.encoder(pixels), self.decoder(self.quantizer(ids))
