"""Convolutional tokenizers <-> models.vqgan.VQGAN (weights.md 2a)."""

from itit_jax.weights.layouts.rows import POINT, Kind, Row, conv, count, linear, norm


def taming(levels, blocks):
    """VQGAN of taming-transformers."""
    for side in ("encoder", "decoder"):
        yield from conv(f"{side}.conv_in", f"{side}/conv_in")
        for name in ("block_1", "block_2"):
            yield from _block(f"{side}.mid.{name}", f"{side}/mid/{name}")
        yield from _taming_attention(f"{side}.mid.attn_1", f"{side}/mid/attn_1")
        way, resample, number = (
            ("down", "downsample", blocks) if side == "encoder" else ("up", "upsample", blocks + 1)
        )
        for level in range(levels):
            theirs, ours = f"{side}.{way}.{level}", f"{side}/{way}_{level}"
            for i in range(number):
                yield from _block(f"{theirs}.block.{i}", f"{ours}_block_{i}")
                yield from _taming_attention(f"{theirs}.attn.{i}", f"{ours}_attn_{i}")
            yield from conv(f"{theirs}.{resample}.conv", f"{ours}_{resample}")
        yield from norm(f"{side}.norm_out", f"{side}/norm_out")
        yield from conv(f"{side}.conv_out", f"{side}/conv_out")
    yield from _between()


def diffusers(levels, blocks):
    """diffusers' VQModel, also aMUSEd's."""
    for side in ("encoder", "decoder"):
        yield from conv(f"{side}.conv_in", f"{side}/conv_in")
        middle = f"{side}.mid_block"
        for i, name in enumerate(("block_1", "block_2")):
            yield from _block(f"{middle}.resnets.{i}", f"{side}/mid/{name}", "conv_shortcut")
        yield from _diffusers_attention(f"{middle}.attentions.0", f"{side}/mid/attn_1")
        way, resample, sampler, number = (
            ("down", "downsample", "downsamplers", blocks)
            if side == "encoder"
            else ("up", "upsample", "upsamplers", blocks + 1)
        )
        for level in range(levels):
            # The decoder counts from the coarsest level there, from the finest here.
            place = level if side == "encoder" else levels - 1 - level
            theirs, ours = f"{side}.{way}_blocks.{place}", f"{side}/{way}_{level}"
            for i in range(number):
                yield from _block(f"{theirs}.resnets.{i}", f"{ours}_block_{i}", "conv_shortcut")
                yield from _diffusers_attention(f"{theirs}.attentions.{i}", f"{ours}_attn_{i}")
            yield from conv(f"{theirs}.{sampler}.0.conv", f"{ours}_{resample}")
        yield from norm(f"{side}.conv_norm_out", f"{side}/norm_out")
        yield from conv(f"{side}.conv_out", f"{side}/conv_out")
    yield from _between()


def _between():
    yield from conv("quant_conv", "quant_conv")
    yield from conv("post_quant_conv", "post_quant_conv")
    yield Row("quantize.embedding.weight", "quantize/embedding")


def _block(theirs, ours, shortcut="nin_shortcut"):
    for name in ("norm1", "norm2"):
        yield from norm(f"{theirs}.{name}", f"{ours}/{name}")
    for name in ("conv1", "conv2"):
        yield from conv(f"{theirs}.{name}", f"{ours}/{name}")
    yield from conv(f"{theirs}.{shortcut}", f"{ours}/nin_shortcut")


def _taming_attention(theirs, ours):
    yield from norm(f"{theirs}.norm", f"{ours}/norm")
    for short, name in (("q", "query"), ("k", "key"), ("v", "value"), ("proj_out", "out")):
        yield from linear(f"{theirs}.{short}", f"{ours}/attention/{name}", POINT)


def _diffusers_attention(theirs, ours):
    yield from norm(f"{theirs}.group_norm", f"{ours}/norm")
    for short, name in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "out")):
        yield from linear(f"{theirs}.{short}", f"{ours}/attention/{name}")


def _sized(table):
    """The table as a function of our paths."""
    return lambda paths: table(
        count(r"decoder/up_(\d+)_", paths), count(r"encoder/down_\d+_block_(\d+)/", paths)
    )


KINDS = {
    "taming": Kind(
        "encoder.mid.block_1.conv1.weight",
        lambda names: taming(
            count(r"encoder\.down\.(\d+)\.", names),
            count(r"encoder\.down\.\d+\.block\.(\d+)\.", names),
        ),
        _sized(taming),
        r"loss\.|model_ema\.|cond_stage_model\.|transformer\.|.*num_batches_tracked$",
    ),
    "diffusers_vq": Kind(
        "encoder.down_blocks.0.resnets.0.conv1.weight",
        lambda names: diffusers(
            count(r"encoder\.down_blocks\.(\d+)\.", names),
            count(r"encoder\.down_blocks\.\d+\.resnets\.(\d+)\.", names),
        ),
        _sized(diffusers),
    ),
}
