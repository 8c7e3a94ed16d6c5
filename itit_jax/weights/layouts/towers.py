"""CLIP and SigLIP <-> models.towers.Towers, layers unrolled (weights.md 3).

A file may hold one tower or both: rows that it lacks fall away.
"""

import functools

from data_pipelines.errors import UserError
from itit_jax.weights.layouts.rows import (
    CONV,
    DEEPEST,
    KEEP,
    LINEAR,
    Kind,
    Part,
    Row,
    Transform,
    count,
    linear,
    norm,
)

MIXERS = ("query", "key", "value")
FIRST = Transform(lambda x: x[0], lambda x: x[None])
SCALAR = Transform(lambda x: x.reshape(()), lambda x: x.reshape(1))


# ---- Hugging Face -------------------------------------------------------------------------------


def clip(depths):
    """Hugging Face's CLIPModel, or one of its towers with or without its projection."""
    yield Row("vision_model.embeddings.class_embedding", "image/class_token")
    yield from norm("vision_model.pre_layrnorm", "image/pre_norm")  # spelt so
    yield from _hugging_face(depths)
    yield Row("visual_projection.weight", "image/projection/kernel", LINEAR)
    yield Row("text_projection.weight", "text/projection/kernel", LINEAR)
    yield Row("logit_scale", "logit_scale")


def siglip(depths):
    """Hugging Face's SiglipModel, also of SigLIP 2 with a fixed resolution."""
    yield Row("vision_model.embeddings.patch_embedding.bias", "image/patches/bias")
    yield from _hugging_face(depths)
    theirs, ours = "vision_model.head", "image/head"
    yield Row(f"{theirs}.probe", f"{ours}/probe")
    yield from _joined_attention(f"{theirs}.attention", f"{ours}/attention")
    yield from norm(f"{theirs}.layernorm", f"{ours}/norm")
    yield from _mlp(f"{theirs}.mlp", ("fc1", "fc2"), f"{ours}/mlp")
    yield from linear("text_model.head", "text/projection")
    yield Row("logit_scale", "logit_scale", SCALAR)
    yield Row("logit_bias", "logit_bias", SCALAR)


def _hugging_face(depths):
    images, texts = "vision_model.embeddings", "text_model.embeddings"
    yield Row(f"{images}.patch_embedding.weight", "image/patches/kernel", CONV)
    yield Row(f"{images}.position_embedding.weight", "image/positions")
    yield from norm("vision_model.post_layernorm", "image/final_norm")
    yield Row(f"{texts}.token_embedding.weight", "text/token_embedding")
    yield Row(f"{texts}.position_embedding.weight", "text/positions")
    yield from norm("text_model.final_layer_norm", "text/final_norm")
    for tower, model in (("image", "vision_model"), ("text", "text_model")):
        for i in range(depths[tower]):
            theirs, ours = f"{model}.encoder.layers.{i}", f"{tower}/encoder/layers_{i}"
            for short, name in zip(("q", "k", "v", "out"), (*MIXERS, "out")):
                yield from linear(f"{theirs}.self_attn.{short}_proj", f"{ours}/attention/{name}")
            yield from norm(f"{theirs}.layer_norm1", f"{ours}/attention_norm")
            yield from norm(f"{theirs}.layer_norm2", f"{ours}/mlp_norm")
            yield from _mlp(f"{theirs}.mlp", ("fc1", "fc2"), f"{ours}/mlp")


def _joined_attention(theirs, ours):
    """torch's MultiheadAttention: q, k and v are one matrix."""
    for i, name in enumerate(MIXERS):
        part = Part(0, i, len(MIXERS), stacked=False)
        yield Row(f"{theirs}.in_proj_weight", f"{ours}/{name}/kernel", LINEAR, part)
        yield Row(f"{theirs}.in_proj_bias", f"{ours}/{name}/bias", KEEP, part)
    yield from linear(f"{theirs}.out_proj", f"{ours}/out")


def _mlp(theirs, names, ours):
    for name, mine in zip(names, ("up", "down")):
        yield from linear(f"{theirs}.{name}", f"{ours}/{mine}")


# ---- OpenAI and open_clip -----------------------------------------------------------------------


def open_clip(depths):
    """OpenAI's CLIP, also its TorchScript archives, and open_clip's with its own image tower."""
    yield Row("visual.class_embedding", "image/class_token")
    yield Row("visual.conv1.weight", "image/patches/kernel", CONV)
    yield Row("visual.positional_embedding", "image/positions")
    yield from norm("visual.ln_pre", "image/pre_norm")
    yield from norm("visual.ln_post", "image/final_norm")
    yield Row("visual.proj", "image/projection/kernel")
    yield Row("token_embedding.weight", "text/token_embedding")
    yield Row("positional_embedding", "text/positions")
    yield from norm("ln_final", "text/final_norm")
    yield Row("text_projection", "text/projection/kernel")
    yield Row("logit_scale", "logit_scale")
    for tower, prefix in (("image", "visual."), ("text", "")):
        for i in range(depths[tower]):
            theirs = f"{prefix}transformer.resblocks.{i}"
            ours = f"{tower}/encoder/layers_{i}"
            yield from _joined_attention(f"{theirs}.attn", f"{ours}/attention")
            yield from norm(f"{theirs}.ln_1", f"{ours}/attention_norm")
            yield from norm(f"{theirs}.ln_2", f"{ours}/mlp_norm")
            yield from _mlp(f"{theirs}.mlp", ("c_fc", "c_proj"), f"{ours}/mlp")


# ---- big_vision ---------------------------------------------------------------------------------

TOWERS = {"image": "params/img/Transformer", "text": "params/txt/Encoder_0"}


def big_vision(depths, heads=None, *, scanned):
    """big_vision's SigLIP; `scanned` (SigLIP 2): the layers of a tower are one tensor.

    heads: {"image", "text"}, what our flat kernels do not say and theirs do; to write only.
    """
    heads = heads or {"image": None, "text": None}
    yield from _dense("params/img/embedding", "image/patches")
    yield Row("params/img/pos_embedding", "image/positions", FIRST)
    yield Row("params/img/MAPHead_0/probe", "image/head/probe")
    names = {"LayerNorm_0": "norm"}
    yield from _big_vision_block("params/img/MAPHead_0", "image/head", heads["image"], names)
    yield Row("params/txt/Embed_0/embedding", "text/token_embedding")
    yield Row("params/txt/pos_embedding", "text/positions", FIRST)
    yield from _dense("params/txt/head", "text/projection")
    yield Row("params/t", "logit_scale", SCALAR)
    yield Row("params/b", "logit_bias", SCALAR)
    names = {"LayerNorm_0": "attention_norm", "LayerNorm_1": "mlp_norm"}
    for tower, path in TOWERS.items():
        yield from _scaled(f"{path}/encoder_norm", f"{tower}/final_norm")
        for i in range(depths[tower]):
            theirs = f"{path}/encoderblock" + ("" if scanned else f"_{i}")
            ours = f"{tower}/encoder/layers_{i}"
            part = Part(0, i, depths[tower], stacked=True) if scanned else None
            for row in _big_vision_block(theirs, ours, heads[tower], names):
                yield row._replace(part=part)


def _big_vision_block(theirs, ours, heads, norms):
    attention = f"{theirs}/MultiHeadDotProductAttention_0"
    for name in MIXERS:
        for leaf, transform in (("kernel", _last_heads(heads)), ("bias", _bias_heads(heads))):
            yield Row(f"{attention}/{name}/{leaf}", f"{ours}/attention/{name}/{leaf}", transform)
    yield Row(f"{attention}/out/kernel", f"{ours}/attention/out/kernel", _first_heads(heads))
    yield Row(f"{attention}/out/bias", f"{ours}/attention/out/bias")
    for name, mine in norms.items():
        yield from _scaled(f"{theirs}/{name}", f"{ours}/{mine}")
    for name, mine in (("Dense_0", "up"), ("Dense_1", "down")):
        yield from _dense(f"{theirs}/MlpBlock_0/{name}", f"{ours}/mlp/{mine}")


def _last_heads(heads):
    """(D, H, K) <-> (D, H K)."""
    return Transform(
        lambda x: x.reshape(len(x), x.shape[1] * x.shape[2]),
        lambda x: x.reshape(len(x), heads, -1),
    )


def _first_heads(heads):
    """(H, K, D) <-> (H K, D)."""
    return Transform(
        lambda x: x.reshape(x.shape[0] * x.shape[1], x.shape[2]),
        lambda x: x.reshape(heads, -1, x.shape[1]),
    )


def _bias_heads(heads):
    """(H, K) <-> (H K)."""
    return Transform(lambda x: x.reshape(x.shape[0] * x.shape[1]), lambda x: x.reshape(heads, -1))


def _dense(theirs, ours):
    yield Row(f"{theirs}/kernel", f"{ours}/kernel")
    yield Row(f"{theirs}/bias", f"{ours}/bias")


def _scaled(theirs, ours):
    yield Row(f"{theirs}/scale", f"{ours}/scale")
    yield Row(f"{theirs}/bias", f"{ours}/bias")


# ---- the kinds ----------------------------------------------------------------------------------


def _depths(image, text):
    """Names -> layers of each tower; `image` and `text` are patterns of a layer's number."""
    return lambda names: {"image": count(image, names), "text": count(text, names)}


def _scanned_depths(tensors):
    """The leading axis of what a tower's blocks share."""
    names = {tower: f"{path}/encoderblock/LayerNorm_0/scale" for tower, path in TOWERS.items()}
    return {tower: _layers(name, tensors) for tower, name in names.items()}


def _layers(name, tensors):
    if name not in tensors:
        return 0
    shape = tensors[name].shape
    if len(shape) != 2 or shape[0] > DEEPEST:
        raise UserError(
            f"{name} has the shape {shape} and not (layers, width); give weights of big_vision."
        )
    return shape[0]


OUR_DEPTHS = _depths(r"image/encoder/layers_(\d+)/", r"text/encoder/layers_(\d+)/")


def _kind(table, theirs, signs, passed_over=r"$^", container="safetensors"):
    return Kind(
        signs,
        lambda tensors: table(theirs(tensors)),
        lambda paths, **known: table(OUR_DEPTHS(paths), **known),
        passed_over,
        container,
    )


HUGGING_FACE = _depths(
    r"vision_model\.encoder\.layers\.(\d+)\.", r"text_model\.encoder\.layers\.(\d+)\."
)
POSITION_IDS = r".*\.position_ids$"  # of old files
# SigLIP before CLIP: the text tower of CLIP has no name that SigLIP's has not.
KINDS = {
    "siglip": _kind(
        siglip, HUGGING_FACE, ("vision_model.head.probe", "text_model.head.weight"), POSITION_IDS
    ),
    "clip": _kind(
        clip,
        HUGGING_FACE,
        ("vision_model.embeddings.class_embedding", "text_model.final_layer_norm.weight"),
        POSITION_IDS,
    ),
    "open_clip": _kind(
        open_clip,
        _depths(r"visual\.transformer\.resblocks\.(\d+)\.", r"transformer\.resblocks\.(\d+)\."),
        ("visual.class_embedding", "ln_final.weight"),
        r"(input_resolution|context_length|vocab_size)$",
    ),
    "big_vision": _kind(
        functools.partial(big_vision, scanned=False),
        _depths(*(rf"{path}/encoderblock_(\d+)/" for path in TOWERS.values())),
        tuple(f"{path}/encoderblock_0/LayerNorm_0/scale" for path in TOWERS.values()),
        container="npz",
    ),
    "big_vision_scanned": _kind(
        functools.partial(big_vision, scanned=True),
        _scanned_depths,
        tuple(f"{path}/encoderblock/LayerNorm_0/scale" for path in TOWERS.values()),
        container="npz",
    ),
}
