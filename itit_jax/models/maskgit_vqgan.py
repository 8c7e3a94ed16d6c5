"""Image tokenizer in MaskGIT's layout (weights.md 2b): convolutions only, mostly without bias.

It differs from models.vqgan where the published weights need it: no attention, average pooling
between the levels, nothing around the quantizer, pixels in [0, 1] inside, and a shortcut that
convolves what the block has just computed.
"""

import flax.linen as nn
import jax.numpy as jnp

from itit_jax.models import vqgan
from itit_jax.models.vqgan import group_norm


class ResBlock(nn.Module):
    """norm, swish, conv, norm, swish, conv, all without bias.

    Where the channels change, h + conv1x1(h): the input is dropped, since MaskGIT's code gives
    the branch to its own shortcut and the published weights were trained so.
    """

    channels: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x):
        """[b, h, w, c] -> [b, h, w, channels]."""
        conv = lambda name, side=3: nn.Conv(
            self.channels, (side, side), use_bias=False, dtype=self.dtype, name=name
        )
        h = conv("conv1")(nn.swish(group_norm(x, "norm1", self.dtype)))
        h = conv("conv2")(nn.swish(group_norm(h, "norm2", self.dtype)))
        return h + (x if x.shape[-1] == self.channels else conv("nin_shortcut", 1)(h))


class Encoder(nn.Module):
    """Pixels in [0, 1] -> latents."""

    base: int
    multipliers: tuple[int, ...]
    res_blocks: int
    code_width: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x):
        """[b, h, w, 3] -> [b, h/f, w/f, code_width]."""
        x = nn.Conv(self.base, (3, 3), use_bias=False, dtype=self.dtype, name="conv_in")(x)
        for level, multiplier in enumerate(self.multipliers):
            for i in range(self.res_blocks):
                x = ResBlock(self.base * multiplier, self.dtype, name=f"down_{level}_block_{i}")(x)
            if level < len(self.multipliers) - 1:
                x = nn.avg_pool(x, (2, 2), (2, 2))
        for i in range(self.res_blocks):
            x = ResBlock(x.shape[-1], self.dtype, name=f"mid_block_{i}")(x)
        x = nn.swish(group_norm(x, "norm_out", self.dtype))
        return nn.Conv(self.code_width, (1, 1), dtype=self.dtype, name="conv_out")(x)


class Decoder(nn.Module):
    """Latents -> pixels in [0, 1]."""

    base: int
    multipliers: tuple[int, ...]
    res_blocks: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, z):
        """[b, h/f, w/f, code_width] -> [b, h, w, 3]."""
        conv = lambda width, name: nn.Conv(width, (3, 3), dtype=self.dtype, name=name)
        x = conv(self.base * self.multipliers[-1], "conv_in")(z)
        for i in range(self.res_blocks):
            x = ResBlock(x.shape[-1], self.dtype, name=f"mid_block_{i}")(x)
        for level in reversed(range(len(self.multipliers))):
            channels = self.base * self.multipliers[level]
            for i in range(self.res_blocks):
                x = ResBlock(channels, self.dtype, name=f"up_{level}_block_{i}")(x)
            if level > 0:
                x = jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)
                x = conv(channels, f"up_{level}_upsample")(x)
        x = nn.swish(group_norm(x, "norm_out", self.dtype))
        return conv(3, "conv_out")(x)


class MaskGITVQGAN(vqgan.VQGAN):
    """The same methods and fields as VQGAN, of which those of attention, patches and FSQ rest."""

    unit_pixels: bool = True

    def setup(self):
        shared = (self.base, self.multipliers, self.res_blocks)
        self.encoder = Encoder(*shared, self.code_width, self.dtype)
        self.decoder = Decoder(*shared, self.dtype)
        self.quant_conv = self.post_quant_conv = lambda x: x
        self.quantize = vqgan.Codebook(self.codes, self.code_width)
