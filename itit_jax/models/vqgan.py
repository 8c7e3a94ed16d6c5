"""Image tokenizer: the taming / diffusers VQGAN layout (weights.md 2a) with VQ or FSQ between.

pixels [-1, 1] -> encoder -> quant_conv -> quantizer -> post_quant_conv -> decoder -> pixels.
`patch` folds patch x patch pixels into channels first: 1 is the published layout, 2 makes a
tokenizer of small pictures four times cheaper on a CPU.
"""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from itit_jax.models.attention import Attention


class FSQ:
    """Finite scalar quantisation (arXiv 2309.15505): no codebook, nothing to collapse."""

    def __init__(self, levels):
        self.levels = np.asarray(levels)
        self.radix = np.concatenate([[1], np.cumprod(self.levels[:-1])])
        self.codes = int(np.prod(self.levels))

    def __call__(self, z):
        """z [..., channels] -> (quantised in [-1, 1], int32 ids [...]); straight-through."""
        half = (self.levels - 1) * (1 + 1e-3) / 2
        offset = np.where(self.levels % 2 == 0, 0.5, 0.0)
        shift = np.arctanh(offset / half)
        bounded = jnp.tanh(z + shift) * half - offset
        rounded = bounded + jax.lax.stop_gradient(jnp.round(bounded) - bounded)
        digits = jax.lax.stop_gradient(rounded) + self.levels // 2
        ids = jnp.sum(digits * self.radix, axis=-1)
        return rounded / (self.levels // 2), jnp.round(ids).astype(jnp.int32)

    def digits(self):
        """Digits of every code: int [codes, channels]."""
        return np.arange(self.codes)[:, None] // self.radix % self.levels

    def lookup(self, ids):
        """ids [...] -> quantised vectors [..., channels] in [-1, 1]."""
        digits = ids[..., None] // self.radix % self.levels
        return (digits - self.levels // 2) / (self.levels // 2).astype(np.float32)

    def features(self):
        """One-hot digits of every code [codes, sum(levels)]: what tokens have in common."""
        digits = self.digits()
        return np.concatenate([np.eye(n)[digits[:, i]] for i, n in enumerate(self.levels)], 1)


class Codebook(nn.Module):
    """Learned vectors, nearest neighbour, straight-through (papers.md 4.2)."""

    codes: int
    width: int

    def setup(self):
        bound = 1.0 / self.codes
        init = lambda key, shape: jax.random.uniform(key, shape, minval=-bound, maxval=bound)
        self.embedding = self.param("embedding", init, (self.codes, self.width))

    def __call__(self, z):
        """z [..., width] -> (nearest vectors [..., width], ids [...])."""
        distance = jnp.sum(self.embedding**2, axis=-1) - 2 * z @ self.embedding.T
        ids = jnp.argmin(distance, axis=-1)
        return jnp.take(self.embedding, ids, axis=0), ids


def group_norm(x, name, dtype):
    """[b, h, w, c] -> the same: GroupNorm of 32 groups (fewer where c is small), epsilon 1e-6.

    Flax's fast variance E[x^2] - E[x]^2 loses digits where the mean is large, as in flat pictures.
    """
    groups = math.gcd(32, x.shape[-1])
    return nn.GroupNorm(groups, epsilon=1e-6, use_fast_variance=False, dtype=dtype, name=name)(x)


class ResBlock(nn.Module):
    """norm, swish, conv, norm, swish, conv + shortcut (1x1 where the channels change)."""

    channels: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x):
        """[b, h, w, c] -> [b, h, w, channels]."""
        conv = lambda name: nn.Conv(self.channels, (3, 3), dtype=self.dtype, name=name)
        h = conv("conv1")(nn.swish(group_norm(x, "norm1", self.dtype)))
        h = conv("conv2")(nn.swish(group_norm(h, "norm2", self.dtype)))
        if x.shape[-1] != self.channels:
            x = nn.Conv(self.channels, (1, 1), dtype=self.dtype, name="nin_shortcut")(x)
        return x + h


class AttentionBlock(nn.Module):
    """Single-head attention over all places of the feature map."""

    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x):
        """[b, h, w, c] -> [b, h, w, c]."""
        b, h, w, c = x.shape
        places = group_norm(x, "norm", self.dtype).reshape(b, h * w, c)
        mixed, _ = Attention(1, c, dtype=self.dtype, name="attention")(places)
        return x + mixed.reshape(b, h, w, c)


class Middle(nn.Module):
    """ResBlock, attention, ResBlock; the attention is left out with `attention=False`."""

    channels: int
    attention: bool
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x):
        """[b, h, w, c] -> [b, h, w, channels]."""
        x = ResBlock(self.channels, self.dtype, name="block_1")(x)
        if self.attention:
            x = AttentionBlock(self.dtype, name="attn_1")(x)
        return ResBlock(self.channels, self.dtype, name="block_2")(x)


class Encoder(nn.Module):
    """Pixels -> latents, f times smaller a side."""

    base: int
    multipliers: tuple[int, ...]
    res_blocks: int
    attention_resolutions: tuple[int, ...]
    latent_channels: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x):
        """[b, h, w, 3] -> [b, h/f, w/f, latent_channels]."""
        x = nn.Conv(self.base, (3, 3), dtype=self.dtype, name="conv_in")(x)
        for level, multiplier in enumerate(self.multipliers):
            for i in range(self.res_blocks):
                name = f"down_{level}_block_{i}"
                x = ResBlock(self.base * multiplier, self.dtype, name=name)(x)
                if x.shape[1] in self.attention_resolutions:
                    x = AttentionBlock(self.dtype, name=f"down_{level}_attn_{i}")(x)
            if level < len(self.multipliers) - 1:
                x = jnp.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))  # taming pads right and below
                name = f"down_{level}_downsample"
                x = nn.Conv(x.shape[-1], (3, 3), (2, 2), "VALID", dtype=self.dtype, name=name)(x)
        attention = bool(self.attention_resolutions)
        x = Middle(x.shape[-1], attention, self.dtype, name="mid")(x)
        x = nn.swish(group_norm(x, "norm_out", self.dtype))
        return nn.Conv(self.latent_channels, (3, 3), dtype=self.dtype, name="conv_out")(x)


class PatchEncoder(nn.Module):
    """Pixels of one patch -> its latent, blind to all others.

    Convolutions and GroupNorm let a token depend on the whole picture: the same background gets
    other codes when an object moves, which a small prior cannot learn. Patch codes are local.
    """

    width: int
    blocks: int
    latent_channels: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x):
        """Folded pixels [b, h/p, w/p, p*p*3] -> [b, h/p, w/p, latent_channels]."""
        x = nn.Dense(self.width, dtype=self.dtype, name="patch_in")(x)
        for i in range(self.blocks):
            h = nn.LayerNorm(dtype=self.dtype, name=f"norm_{i}")(x)
            h = nn.swish(nn.Dense(2 * self.width, dtype=self.dtype, name=f"up_{i}")(h))
            x = x + nn.Dense(self.width, dtype=self.dtype, name=f"down_{i}")(h)
        return nn.Dense(self.latent_channels, dtype=self.dtype, name="patch_out")(x)


class Decoder(nn.Module):
    """Latents -> pixels, f times larger a side."""

    base: int
    multipliers: tuple[int, ...]
    res_blocks: int
    attention_resolutions: tuple[int, ...]
    out_channels: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, z):
        """[b, h/f, w/f, c] -> [b, h, w, out_channels]."""
        channels = self.base * self.multipliers[-1]
        x = nn.Conv(channels, (3, 3), dtype=self.dtype, name="conv_in")(z)
        x = Middle(channels, bool(self.attention_resolutions), self.dtype, name="mid")(x)
        for level in reversed(range(len(self.multipliers))):
            for i in range(self.res_blocks + 1):
                channels = self.base * self.multipliers[level]
                x = ResBlock(channels, self.dtype, name=f"up_{level}_block_{i}")(x)
                if x.shape[1] in self.attention_resolutions:
                    x = AttentionBlock(self.dtype, name=f"up_{level}_attn_{i}")(x)
            if level > 0:
                x = jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)
                name = f"up_{level}_upsample"
                x = nn.Conv(x.shape[-1], (3, 3), dtype=self.dtype, name=name)(x)
        x = nn.swish(group_norm(x, "norm_out", self.dtype))
        return nn.Conv(self.out_channels, (3, 3), dtype=self.dtype, name="conv_out")(x)


class VQGAN(nn.Module):
    """Tokenizer and detokenizer. `levels` chooses FSQ; otherwise a codebook is learned."""

    base: int
    multipliers: tuple[int, ...]
    res_blocks: int
    attention_resolutions: tuple[int, ...]
    latent_channels: int
    codes: int
    code_width: int
    levels: tuple[int, ...] = ()
    patch: int = 1
    local: bool = False  # tokens see their own patch only
    unit_pixels: bool = False  # the two halves see pixels in [0, 1]; callers always [-1, 1]
    dtype: jnp.dtype = jnp.float32

    def setup(self):
        shared = (self.base, self.multipliers, self.res_blocks, self.attention_resolutions)
        if self.local:
            self.encoder = PatchEncoder(
                self.base, self.res_blocks, self.latent_channels, self.dtype
            )
        else:
            self.encoder = Encoder(*shared, self.latent_channels, self.dtype)
        self.decoder = Decoder(*shared, 3 * self.patch**2, self.dtype)
        width = len(self.levels) or self.code_width
        self.quant_conv = nn.Conv(width, (1, 1), dtype=self.dtype)
        self.post_quant_conv = nn.Conv(self.latent_channels, (1, 1), dtype=self.dtype)
        self.quantize = None if self.levels else Codebook(self.codes, self.code_width)

    @property
    def factor(self):
        """Pixels a side that one token stands for."""
        return self.patch * 2 ** (len(self.multipliers) - 1)

    @property
    def latent_width(self):
        """Channels of what `decode_latents` reads."""
        return len(self.levels) or self.code_width

    def latents(self, pixels):
        """pixels [b, h, w, 3] in [-1, 1] -> unquantised latents [b, h/f, w/f, width], float32."""
        pixels = (pixels + 1) / 2 if self.unit_pixels else pixels
        return self.quant_conv(self.encoder(fold(pixels, self.patch))).astype(jnp.float32)

    def __call__(self, pixels):
        """pixels [b, h, w, 3] -> (reconstruction [b, h, w, 3], latents [b, h/f, w/f, width],
        quantised without gradient tricks, the same, and their ids [b, h/f, w/f])."""
        z = self.latents(pixels)
        if self.levels:
            q, ids = FSQ(self.levels)(z)
            return self.decode_latents(q), z, q, ids
        q, ids = self.quantize(z)
        return self.decode_latents(z + jax.lax.stop_gradient(q - z)), z, q, ids

    def encode(self, pixels):
        """pixels [b, h, w, 3] -> ids int32 [b, n], n = (h/f) * (w/f), row by row."""
        z = self.latents(pixels)
        _, ids = FSQ(self.levels)(z) if self.levels else self.quantize(z)
        return ids.reshape(ids.shape[0], -1).astype(jnp.int32)

    def decode(self, ids):
        """ids int [b, n] of a square -> pixels [b, h, w, 3]."""
        side = math.isqrt(ids.shape[1])
        grid = ids.reshape(-1, side, side)
        if self.levels:
            q = FSQ(self.levels).lookup(grid)
        else:
            q = jnp.take(self.quantize.embedding, grid, axis=0)
        return self.decode_latents(q)

    def decode_latents(self, q):
        """Quantised latents [b, h/f, w/f, width] -> pixels [b, h, w, 3] in float32."""
        pixels = self.decoder(self.post_quant_conv(q.astype(self.dtype)))
        pixels = unfold(pixels.astype(jnp.float32), self.patch)
        return 2 * pixels - 1 if self.unit_pixels else pixels


def fold(x, patch):
    """[b, h, w, c] -> [b, h/p, w/p, p*p*c]."""
    b, h, w, c = x.shape
    x = x.reshape(b, h // patch, patch, w // patch, patch, c).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h // patch, w // patch, patch * patch * c)


def unfold(x, patch):
    """[b, h/p, w/p, p*p*c] -> [b, h, w, c]: the inverse of fold."""
    b, h, w, c = x.shape
    x = x.reshape(b, h, w, patch, patch, c // patch**2).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h * patch, w * patch, c // patch**2)


def to_signed(images):
    """uint8 0 to 255 [...] -> float32 -1 to 1 [...]."""
    return images.astype(jnp.float32) / 127.5 - 1.0


def to_pixels(signed):
    """float -1 to 1 [...] -> uint8 0 to 255 [...]."""
    return jnp.clip(jnp.round((signed + 1.0) * 127.5), 0, 255).astype(jnp.uint8)
