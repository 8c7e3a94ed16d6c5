"""MaskGIT's tokenizer <-> models.maskgit_vqgan.MaskGITVQGAN (weights.md 2b).

Its own Flax names count parts in the order of their use; open-muse's torch names say where.
"""

from itit_jax.weights.layouts.rows import Kind, Row, conv, count, norm


def open_muse(levels, blocks):
    """MaskGitVQGAN of open-muse, torch."""
    for what, theirs, _, ours in _parts(levels, blocks):
        if what == "block":
            yield from _torch_block(theirs, ours)
        else:
            yield from {"norm": norm, "conv": conv}[what](theirs, ours)
    yield Row("quantize.embedding.weight", "quantize/embedding")


def maskgit(levels, blocks):
    """VQVAE of maskgit, Flax."""
    for what, _, theirs, ours in _parts(levels, blocks):
        if what == "block":
            yield from _flax_block(theirs, ours)
        else:
            yield from _flax_leaves(theirs, ours)
    yield Row("quantizer/codebook", "quantize/embedding")


def _parts(levels, blocks):
    """(norm, conv or block; open-muse's name; Flax's; ours) of all but the codebook."""
    for side, last in (("encoder", 1), ("decoder", levels)):
        yield "conv", f"{side}.conv_in", f"{side}/Conv_0", f"{side}/conv_in"
        for place, (theirs, ours) in enumerate(_blocks(side, levels, blocks)):
            yield "block", f"{side}.{theirs}", f"{side}/ResBlock_{place}", f"{side}/{ours}"
        yield "norm", f"{side}.norm_out", f"{side}/GroupNorm_0", f"{side}/norm_out"
        yield "conv", f"{side}.conv_out", f"{side}/Conv_{last}", f"{side}/conv_out"
    for place in range(1, levels):  # the coarsest level is enlarged first
        up = levels - place
        ours = f"decoder/up_{up}_upsample"
        yield "conv", f"decoder.up.{up}.upsample_conv", f"decoder/Conv_{place}", ours


def _blocks(side, levels, blocks):
    """(open-muse's name, ours) of the blocks of one half, in the order of their use."""
    middle = [(f"mid.{i}", f"mid_block_{i}") for i in range(blocks)]
    way, order = ("down", range(levels)) if side == "encoder" else ("up", reversed(range(levels)))
    outer = [(f"{way}.{n}.block.{i}", f"{way}_{n}_block_{i}") for n in order for i in range(blocks)]
    return outer + middle if side == "encoder" else middle + outer


def _torch_block(theirs, ours):
    for name in ("norm1", "norm2"):
        yield from norm(f"{theirs}.{name}", f"{ours}/{name}")
    for name in ("conv1", "conv2", "nin_shortcut"):
        yield from conv(f"{theirs}.{name}", f"{ours}/{name}")


def _flax_block(theirs, ours):
    for kind, names in (("GroupNorm", ("norm1", "norm2")), ("Conv", ("conv1", "conv2"))):
        for i, name in enumerate(names):
            yield from _flax_leaves(f"{theirs}/{kind}_{i}", f"{ours}/{name}")
    yield from _flax_leaves(f"{theirs}/Conv_2", f"{ours}/nin_shortcut")


def _flax_leaves(theirs, ours):
    for leaf in ("scale", "kernel", "bias"):
        yield Row(f"{theirs}/{leaf}", f"{ours}/{leaf}")


def _flax_sizes(names):
    levels = max(count(r"decoder/Conv_(\d+)/", names) - 1, 0)  # a damaged file may have none
    return levels, count(r"encoder/ResBlock_(\d+)/", names) // (levels + 1)


def _our_sizes(paths):
    levels = count(r"encoder/down_(\d+)_block_", paths)
    return levels, count(r"encoder/mid_block_(\d+)/", paths)


KINDS = {
    "maskgit": Kind(
        "encoder/ResBlock_0/Conv_0/kernel",
        lambda names: maskgit(*_flax_sizes(names)),
        lambda paths: maskgit(*_our_sizes(paths)),
        container="flax",
    ),
    "open_muse": Kind(
        "encoder.mid.0.conv1.weight",
        lambda names: open_muse(
            count(r"encoder\.down\.(\d+)\.", names), count(r"encoder\.mid\.(\d+)\.", names)
        ),
        lambda paths: open_muse(*_our_sizes(paths)),
    ),
}
