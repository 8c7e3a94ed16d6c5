"""Tokenizers of taming-transformers (its own code) and MaskGIT (written here, in torch).

What reference.py writes of them. Weights take three values each, so that they compress well.
"""

import math

import torch
import torch.nn.functional as F
from taming.modules.diffusionmodules import model as taming_model
from taming.modules.vqvae.quantize import VectorQuantizer2
from torch import nn

SIDE = 16  # pixels
# base, multipliers, blocks, latent channels, codes, code width, resolution of the attention
TAMING = {
    "taming_small": (32, (1, 1), 1, 6, 11, 4, 16),
    "taming_wide": (32, (1, 2), 1, 5, 13, 3, 8),
}
# base, multipliers, blocks, codes, code width: groups of one channel, and of two
MASKGIT = {"maskgit_small": (8, (1, 2, 2), 2, 11, 4), "maskgit_wide": (16, (1, 4), 1, 13, 5)}


class Taming(nn.Module):
    """taming's parts under the names that its VQModel, a Lightning module, gives them."""

    def __init__(self, base, multipliers, blocks, latent, codes, width, resolution):
        super().__init__()
        sizes = dict(
            ch=base, out_ch=3, ch_mult=multipliers, num_res_blocks=blocks, in_channels=3,
            attn_resolutions=[resolution], resolution=SIDE, z_channels=latent, double_z=False,
        )  # fmt: skip
        self.encoder = taming_model.Encoder(**sizes)
        self.decoder = taming_model.Decoder(**sizes)
        self.quantize = VectorQuantizer2(codes, width, beta=0.25)
        self.quant_conv = nn.Conv2d(latent, width, 1)
        self.post_quant_conv = nn.Conv2d(width, latent, 1)


def taming(base, multipliers, blocks, latent, codes, width, resolution):
    """-> (weights, arrays of sizes, inputs and outputs)."""
    model = Taming(base, multipliers, blocks, latent, codes, width, resolution).eval()
    for name, weight in model.named_parameters():
        weight.data.copy_(three_values(weight.shape, name))
    model.quantize.embedding.weight.data.copy_(torch.randn(codes, width).half())
    pixels = torch.rand(2, 3, SIDE, SIDE) * 2 - 1
    latents = model.quant_conv(model.encoder(pixels))
    quantised, _, (_, _, ids) = model.quantize(latents)
    decoded = model.decoder(model.post_quant_conv(quantised))
    sizes = (base, blocks, latent, codes, width, resolution)
    return model.state_dict(), _arrays(sizes, multipliers, pixels, latents, ids, decoded)


def maskgit(base, multipliers, blocks, codes, width):
    """The same of MaskGIT, its pixels brought to [-1, 1]."""
    w = Weights()
    w["quantize.embedding.weight"] = torch.randn(codes, width).half().float()
    pixels = torch.rand(2, 3, SIDE, SIDE)
    x = w.conv("encoder.conv_in", pixels, base, bias=False)
    for level, multiplier in enumerate(multipliers):
        for i in range(blocks):
            x = w.block(f"encoder.down.{level}.block.{i}", x, base * multiplier)
        if level + 1 < len(multipliers):
            x = x.unfold(2, 2, 2).unfold(3, 2, 2).mean((-2, -1))
    for i in range(blocks):
        x = w.block(f"encoder.mid.{i}", x, x.shape[1])
    latents = w.conv("encoder.conv_out", w.norm("encoder.norm_out", x), width, side=1)
    book = w["quantize.embedding.weight"]
    ids = torch.cdist(latents.permute(0, 2, 3, 1).reshape(-1, width), book).argmin(-1)
    decoded = _maskgit_decoder(w, book[ids].reshape(latents.permute(0, 2, 3, 1).shape), base,
                               multipliers, blocks)  # fmt: skip
    arrays = _arrays((base, blocks, codes, width), multipliers, pixels, latents, ids, decoded)
    return w, arrays | {name: arrays[name] * 2 - 1 for name in ("pixels", "decoded")}


def _maskgit_decoder(w, quantised, base, multipliers, blocks):
    x = w.conv("decoder.conv_in", quantised.permute(0, 3, 1, 2), base * multipliers[-1])
    for i in range(blocks):
        x = w.block(f"decoder.mid.{i}", x, x.shape[1])
    for level in range(len(multipliers) - 1, -1, -1):
        for i in range(blocks):
            x = w.block(f"decoder.up.{level}.block.{i}", x, base * multipliers[level])
        if level:
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
            x = w.conv(f"decoder.up.{level}.upsample_conv", x, x.shape[1])
    return w.conv("decoder.conv_out", w.norm("decoder.norm_out", x), 3)


class Weights(dict):
    """Weights by open-muse's names, made at their first use."""

    def made(self, name, *shape):
        return self.setdefault(name, three_values(shape, name))

    def conv(self, name, x, channels, side=3, bias=True):
        """Convolution that keeps the side."""
        kernel = self.made(f"{name}.weight", channels, x.shape[1], side, side)
        return F.conv2d(
            x, kernel, self.made(f"{name}.bias", channels) if bias else None, padding="same"
        )

    def norm(self, name, x):
        """GroupNorm, then swish."""
        channels = x.shape[1]
        scale, shift = (self.made(f"{name}.{n}", channels) for n in ("weight", "bias"))
        return F.silu(F.group_norm(x, math.gcd(32, channels), scale, shift, 1e-6))

    def block(self, name, x, channels):
        """Two convolutions; where the channels change, their output once more through a 1x1."""
        h = self.conv(f"{name}.conv1", self.norm(f"{name}.norm1", x), channels, bias=False)
        h = self.conv(f"{name}.conv2", self.norm(f"{name}.norm2", h), channels, bias=False)
        if x.shape[1] == channels:
            return h + x
        return h + self.conv(f"{name}.nin_shortcut", h, channels, side=1, bias=False)


def three_values(shape, name):
    """-1, 0 and 1 times a power of two that keeps magnitudes; around 1 for scales."""
    values = torch.randint(-1, 2, tuple(shape)).float()
    if len(shape) == 1:
        return values / 4 + float("norm" in name and name.endswith("weight"))
    return values * 2.0 ** -round(math.log2(math.sqrt(math.prod(shape[1:]))))


def _arrays(sizes, multipliers, pixels, latents, ids, decoded):
    last = lambda x: x.permute(0, 2, 3, 1)
    return dict(
        sizes=sizes, multipliers=multipliers, pixels=last(pixels), latents=last(latents),
        ids=ids.reshape(2, -1), decoded=last(decoded),
    )  # fmt: skip
