"""Sizes of the network whose weights a file holds; every tensor of that network must be there."""

import jax
import jax.numpy as jnp

from data_pipelines.errors import UserError
from itit_jax.models.gpt2 import GPT2
from itit_jax.models.inception import Inception
from itit_jax.models.maskgit_vqgan import MaskGITVQGAN
from itit_jax.models.t5 import EOS, T5Encoder
from itit_jax.models.vqgan import VQGAN
from itit_jax.sharding import path_of
from itit_jax.weights.containers.find import read_config
from itit_jax.weights.containers.plain_json import shown
from itit_jax.weights.layouts import gpt2, inception, maskgit, t5, t5x, vqgan
from itit_jax.weights.layouts.kinds import OURS
from itit_jax.weights.layouts.rows import count, layers_of
from itit_jax.weights.told import GPT2_HEADS

LAYOUTS = {"taming": "taming", "maskgit": "maskgit", "open_muse": "maskgit"}
LAYOUTS["diffusers_vq"] = "amused for aMUSEd's (pixels in [0, 1]), else taming"
MOST = 16  # levels of a tokenizer, each of which halves the picture, and blocks of a level


def checked(path, kind, found):
    """Sizes under the names of the config keys, of tensors {our path: Tensor} of a file.

    Refuses tensors that are missing, too many or of another shape than those of a network of
    these sizes. None of a file of our own of which only its run's config knows the sizes.
    """
    described = describe(path, kind, found)
    if described is None:
        return None
    keys, network, *inputs = described
    shapes = jax.eval_shape(network.init, jax.random.key(0), *inputs)["params"]
    wanted = {}
    for place, leaf in jax.tree_util.tree_leaves_with_path(shapes):
        name = path_of(place)
        layers = layers_of(name, leaf)
        wanted |= dict.fromkeys(layers, leaf.shape if layers == [name] else leaf.shape[1:])
    for name in sorted(wanted.keys() | found.keys()):
        held = found[name].shape if name in found else None
        if held != wanted.get(name):
            has = "is missing in" if held is None else f"has the shape {held} in"
            needs = f"needs {wanted[name]}" if name in wanted else "has no such tensor"
            raise UserError(
                f"{name} {has} {path} ({kind}); a network of its other sizes {needs}: get it again."
            )
    return keys


def describe(path, kind, found):
    """(config keys, network, its inputs) of a file, or None. A tokenizer's smallest picture has
    2**levels pixels a side, and where it attends is told in those."""
    ours = kind == OURS
    t5_like = any(n.startswith("encoder/layers_") and "/mlp/wi_" in n for n in found)
    if kind in t5.KINDS | t5x.KINDS or (ours and t5_like):
        return _t5(path, found)
    vq_like = "encoder/conv_in/kernel" in found and "quantize/embedding" in found
    if kind in vqgan.KINDS | maskgit.KINDS or (ours and vq_like):
        return _tokenizer(path, kind, found)
    if kind in gpt2.KINDS:
        return _gpt2(path, found)
    if kind in inception.KINDS:
        return {}, Inception(), _floats(299, 3)
    return None


def _t5(path, found):
    vocabulary, _ = _shape(path, found, "token_embedding", 2)
    _, heads = _shape(path, found, "relative_bias", 2)
    width, inner = _shape(path, found, "encoder/layers_0/attention/query/kernel", 2)
    _, mlp_width = _shape(path, found, "encoder/layers_0/mlp/wi_0/kernel", 2)
    sizes = {
        "layers": count(r"encoder/layers_(\d+)/", found),
        "width": width,
        "mlp_width": mlp_width,
        "heads": heads,
        "head_width": _ratio(path, inner, heads),
    }
    keys = {"model.vocabulary_size": vocabulary}
    keys |= {f"text_encoder.{name}": size for name, size in sizes.items()}
    network = T5Encoder(vocabulary, width, mlp_width, *(
        sizes[name] for name in ("layers", "heads", "head_width")))  # fmt: skip
    words = jax.ShapeDtypeStruct((1, 1), jnp.int32)
    return keys, network, words, jax.ShapeDtypeStruct((1, 1), jnp.bool_)


def _gpt2(path, found):
    vocabulary, width = _shape(path, found, "word_embedding", 2)
    positions, _ = _shape(path, found, "word_positions", 2)
    _, mlp_width = _shape(path, found, "blocks/layers_0/mlp/up/kernel", 2)
    sizes = {
        "width": width,
        "depth": count(r"blocks/layers_(\d+)/", found),
        "heads": gpt2_heads(path, width),
        "mlp_width": mlp_width,
    }
    keys = {"model.vocabulary_size": vocabulary + EOS + 1}  # behind padding and end
    keys |= {f"model.captioner.{name}": size for name, size in sizes.items()}
    network = GPT2(**sizes, vocabulary_size=vocabulary, positions=positions)
    words = jax.ShapeDtypeStruct((1, 2), jnp.int32)
    return keys, network, jax.ShapeDtypeStruct((1, 1, width), jnp.float32), words


def gpt2_heads(path, width):
    """Heads of GPT-2, which no tensor tells: as config.json says; without one they are 64 wide, as
    all that were published."""
    config = read_config(path)
    heads = config.get("n_head", GPT2_HEADS) if config else max(width // 64, 1)
    if type(heads) is not int or heads < 1 or width % heads:
        raise UserError(
            f"config.json beside {path} divides a width of {width} among {shown(heads)} heads "
            "(n_head), which cannot be; give the config.json that is theirs."
        )
    return heads


def _tokenizer(path, kind, found):
    inputs, base = _shape(path, found, "encoder/conv_in/kernel", 4)[2:]
    codes, width = _shape(path, found, "quantize/embedding", 2)
    (latent,) = _shape(path, found, "encoder/conv_out/bias", 1)
    levels = count(r"encoder/down_(\d+)_block_", found)
    blocks = count(r"encoder/down_\d+_block_(\d+)/", found)
    if max(levels, blocks) > MOST:
        raise UserError(f"{path} has {levels} levels of {blocks} blocks; {MOST} are the most.")
    first = [f"encoder/down_{level}_block_0/conv1/kernel" for level in range(max(levels, 1))]
    multipliers = [_ratio(path, _shape(path, found, name, 4)[3], base) for name in first]
    keys = {
        "model.layout": LAYOUTS.get(kind, "as it was"),
        "model.base_channels": base,
        "model.channel_multipliers": multipliers,
        "model.res_blocks": blocks,
        "model.latent_channels": latent,
        "model.codes": codes,
        "model.code_width": width,
    }
    attention = _attention(found, levels)
    if not attention:
        keys["model.attention_resolutions"] = []
    flat = any(name.startswith("encoder/mid_block_") for name in found)
    network = (MaskGITVQGAN if flat else VQGAN)(
        base, tuple(multipliers), blocks, attention, latent, codes, width,
        patch=max(int((inputs / 3) ** 0.5), 1),
    )  # fmt: skip
    return keys, network, _floats(network.patch * 2**levels, 3)


def _attention(found, levels):
    """Sides with attention where the first level's is 2**levels; (0,) = only in the middle."""
    with_it = [
        level
        for level in range(levels)
        if any(name.startswith((f"encoder/down_{level}_attn_", f"decoder/up_{level}_attn_"))
               for name in found)
    ]  # fmt: skip
    sides = tuple(2 ** (levels - level) for level in with_it)
    middle = any("/mid/attn_" in name for name in found)
    return sides or (0,) * middle


def _floats(side, channels):
    return jax.ShapeDtypeStruct((1, side, side, channels), jnp.float32)


def _shape(path, found, name, rank):
    shape = found[name].shape if name in found else ()
    if len(shape) != rank or 0 in shape:
        has = f"has the shape {shape} in" if name in found else "is missing in"
        raise UserError(f"{name} {has} {path}; it may be a variant that is not read.")
    return shape


def _ratio(path, whole, part):
    if whole % part:
        raise UserError(f"{path} has the sizes {whole} and {part}, which do not divide.")
    return whole // part
