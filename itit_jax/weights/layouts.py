"""Names of published weights and ours, one table a layout, read in both directions.

A row is (their name, our path, transform). A table names everything that a model of that kind may
have; rows that neither the file nor our model has fall away.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np


class Transform(NamedTuple):
    """How an array of theirs becomes ours, and back."""

    ours: Callable[[np.ndarray], np.ndarray]
    theirs: Callable[[np.ndarray], np.ndarray]


def _same(x):
    return x


KEEP = Transform(_same, _same)
LINEAR = Transform(np.transpose, np.transpose)  # (out, in) <-> (in, out)
CONV = Transform(lambda x: x.transpose(2, 3, 1, 0), lambda x: x.transpose(3, 2, 0, 1))
# A 1x1 convolution that is a linear map: (out, in, 1, 1) <-> (in, out).
POINT = Transform(lambda x: x[:, :, 0, 0].T, lambda x: x.T[:, :, None, None])

Row = tuple[str, str, Transform]


def t5(depth: int) -> Iterator[Row]:
    """Encoder of Hugging Face's T5 1.1 (weights.md 1) <-> models.t5.T5Encoder, unrolled."""
    yield "shared.weight", "token_embedding", KEEP
    bias = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    yield bias, "relative_bias", KEEP
    for i in range(depth):
        theirs, ours = f"encoder.block.{i}.layer", f"encoder/layers_{i}"
        for short, name in (("q", "query"), ("k", "key"), ("v", "value"), ("o", "out")):
            path = f"{ours}/attention/{name}/kernel"
            yield f"{theirs}.0.SelfAttention.{short}.weight", path, LINEAR
        yield f"{theirs}.0.layer_norm.weight", f"{ours}/attention_norm/scale", KEEP
        for name in ("wi_0", "wi_1", "wo"):
            path = f"{ours}/mlp/{name}/kernel"
            yield f"{theirs}.1.DenseReluDense.{name}.weight", path, LINEAR
        yield f"{theirs}.1.layer_norm.weight", f"{ours}/mlp_norm/scale", KEEP
    yield "encoder.final_layer_norm.weight", "final_norm/scale", KEEP


def taming(levels: int, blocks: int) -> Iterator[Row]:
    """VQGAN of taming-transformers (weights.md 2a) <-> models.vqgan.VQGAN."""
    for side in ("encoder", "decoder"):
        yield from _conv(f"{side}.conv_in", f"{side}/conv_in")
        for name in ("block_1", "block_2"):
            yield from _taming_block(f"{side}.mid.{name}", f"{side}/mid/{name}")
        yield from _taming_attention(f"{side}.mid.attn_1", f"{side}/mid/attn_1")
        way, resample, count = (
            ("down", "downsample", blocks) if side == "encoder" else ("up", "upsample", blocks + 1)
        )
        for level in range(levels):
            theirs, ours = f"{side}.{way}.{level}", f"{side}/{way}_{level}"
            for i in range(count):
                yield from _taming_block(f"{theirs}.block.{i}", f"{ours}_block_{i}")
                yield from _taming_attention(f"{theirs}.attn.{i}", f"{ours}_attn_{i}")
            yield from _conv(f"{theirs}.{resample}.conv", f"{ours}_{resample}")
        yield from _norm(f"{side}.norm_out", f"{side}/norm_out")
        yield from _conv(f"{side}.conv_out", f"{side}/conv_out")
    yield from _both_sides()


def diffusers_vq(levels: int, blocks: int) -> Iterator[Row]:
    """diffusers' VQModel, also aMUSEd's (weights.md 2a) <-> models.vqgan.VQGAN."""
    for side in ("encoder", "decoder"):
        yield from _conv(f"{side}.conv_in", f"{side}/conv_in")
        middle = f"{side}.mid_block"
        for i, name in enumerate(("block_1", "block_2")):
            yield from _diffusers_block(f"{middle}.resnets.{i}", f"{side}/mid/{name}")
        yield from _diffusers_attention(f"{middle}.attentions.0", f"{side}/mid/attn_1")
        way, resample, sampler, count = (
            ("down", "downsample", "downsamplers", blocks)
            if side == "encoder"
            else ("up", "upsample", "upsamplers", blocks + 1)
        )
        for level in range(levels):
            # The decoder counts from the coarsest level there, from the finest here.
            number = level if side == "encoder" else levels - 1 - level
            theirs, ours = f"{side}.{way}_blocks.{number}", f"{side}/{way}_{level}"
            for i in range(count):
                yield from _diffusers_block(f"{theirs}.resnets.{i}", f"{ours}_block_{i}")
                yield from _diffusers_attention(f"{theirs}.attentions.{i}", f"{ours}_attn_{i}")
            yield from _conv(f"{theirs}.{sampler}.0.conv", f"{ours}_{resample}")
        yield from _norm(f"{side}.conv_norm_out", f"{side}/norm_out")
        yield from _conv(f"{side}.conv_out", f"{side}/conv_out")
    yield from _both_sides()


def _both_sides():
    yield from _conv("quant_conv", "quant_conv")
    yield from _conv("post_quant_conv", "post_quant_conv")
    yield "quantize.embedding.weight", "quantize/embedding", KEEP


def _conv(theirs, ours):
    yield f"{theirs}.weight", f"{ours}/kernel", CONV
    yield f"{theirs}.bias", f"{ours}/bias", KEEP


def _norm(theirs, ours):
    yield f"{theirs}.weight", f"{ours}/scale", KEEP
    yield f"{theirs}.bias", f"{ours}/bias", KEEP


def _taming_block(theirs, ours, shortcut="nin_shortcut"):
    for name in ("norm1", "norm2"):
        yield from _norm(f"{theirs}.{name}", f"{ours}/{name}")
    for name in ("conv1", "conv2"):
        yield from _conv(f"{theirs}.{name}", f"{ours}/{name}")
    yield from _conv(f"{theirs}.{shortcut}", f"{ours}/nin_shortcut")


def _diffusers_block(theirs, ours):
    yield from _taming_block(theirs, ours, shortcut="conv_shortcut")


def _taming_attention(theirs, ours):
    yield from _norm(f"{theirs}.norm", f"{ours}/norm")
    for short, name in (("q", "query"), ("k", "key"), ("v", "value"), ("proj_out", "out")):
        yield f"{theirs}.{short}.weight", f"{ours}/attention/{name}/kernel", POINT
        yield f"{theirs}.{short}.bias", f"{ours}/attention/{name}/bias", KEEP


def _diffusers_attention(theirs, ours):
    yield from _norm(f"{theirs}.group_norm", f"{ours}/norm")
    for short, name in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "out")):
        yield f"{theirs}.{short}.weight", f"{ours}/attention/{name}/kernel", LINEAR
        yield f"{theirs}.{short}.bias", f"{ours}/attention/{name}/bias", KEEP
