"""T5 1.1 encoders in t5x's two layouts <-> models.t5.T5Encoder, layers unrolled (weights.md 1)."""

import numpy as np

from data_pipelines.errors import UserError
from itit_jax.weights.layouts.rows import (
    DEEPEST,
    KEEP,
    LINEAR,
    Kind,
    Part,
    Row,
    Transform,
    count,
)

# t5x's names of a layer's parameters, ours, and whether all heads lie along the last axis of
# theirs (q, k and v), along the first (out), or nowhere.
LAYER = (
    ("attention/query/kernel", "attention/query/kernel", "last"),
    ("attention/key/kernel", "attention/key/kernel", "last"),
    ("attention/value/kernel", "attention/value/kernel", "last"),
    ("attention/out/kernel", "attention/out/kernel", "first"),
    ("pre_attention_layer_norm/scale", "attention_norm/scale", ""),
    ("mlp/wi_0/kernel", "mlp/wi_0/kernel", ""),
    ("mlp/wi_1/kernel", "mlp/wi_1/kernel", ""),
    ("mlp/wo/kernel", "mlp/wo/kernel", ""),
    ("pre_mlp_layer_norm/scale", "mlp_norm/scale", ""),
)
SCANNED = "encoder/encoder/attention/query/kernel"


def unrolled(depth):
    """examples/t5: a name a layer, matrices as ours."""
    yield from _around()
    yield Row("encoder/relpos_bias/rel_embedding", "relative_bias", LINEAR)
    for i in range(depth):
        for theirs, ours, _ in LAYER:
            yield Row(f"encoder/layers_{i}/{theirs}", f"encoder/layers_{i}/{ours}")


def scanned(depth, heads):
    """examples/scalable_t5: layers stacked along axis 1, heads with an axis of their own."""
    yield from _around()
    bias = "encoder/encoder/relpos_bias/rel_embedding"
    yield Row(bias, "relative_bias", _shared_bias(depth))
    split = {"last": _heads_last(heads), "first": _heads_first(heads), "": KEEP}
    for i in range(depth):
        for theirs, ours, where in LAYER:
            part = Part(axis=1, index=i, count=depth, stacked=True)
            ours = f"encoder/layers_{i}/{ours}"
            yield Row(f"encoder/encoder/{theirs}", ours, split[where], part)


def _around():
    yield Row("token_embedder/embedding", "token_embedding")
    yield Row("encoder/encoder_norm/scale", "final_norm/scale")


def _heads_last(heads):
    return Transform(
        lambda x: x.reshape(x.shape[0], -1), lambda x: x.reshape(x.shape[0], heads, -1)
    )


def _heads_first(heads):
    return Transform(
        lambda x: x.reshape(-1, x.shape[-1]), lambda x: x.reshape(heads, -1, x.shape[-1])
    )


def _shared_bias(depth):
    """Every layer has a table there [heads, layers, 32]; T5 1.1 has one for all."""

    def ours(x):
        if (x != x[:, :1]).any():
            raise UserError(
                "each layer of these weights has position biases of its own (umT5); "
                "T5 1.1 has one table for all layers, so give weights of T5 1.1."
            )
        return x[:, 0].T

    return Transform(ours, lambda x: np.repeat(x.T[:, None], depth, axis=1))


def _scanned_sizes(shape):
    """(depth, heads) of the shape [width, depth, heads, head width]."""
    if len(shape) != 4 or shape[1] > DEEPEST:
        raise UserError(
            f"{SCANNED} has the shape {shape} and not (width, layers, heads, head width); "
            "give weights of t5x's examples/scalable_t5."
        )
    return shape[1:3]


def _our_heads(paths):
    if "relative_bias" not in paths:
        raise UserError("the layout t5x_scanned is for T5, whose position biases are missing.")
    return paths["relative_bias"].shape[1]


KINDS = {
    "t5x": Kind(
        "encoder/layers_0/pre_attention_layer_norm/scale",
        lambda names: unrolled(count(r"encoder/layers_(\d+)/", names)),
        lambda paths: unrolled(count(r"encoder/layers_(\d+)/", paths)),
        r"decoder/",
        container="t5x",
    ),
    "t5x_scanned": Kind(
        SCANNED,
        lambda names: scanned(*_scanned_sizes(names[SCANNED].shape)),
        lambda paths: scanned(count(r"encoder/layers_(\d+)/", paths), _our_heads(paths)),
        r"decoder/",
        container="t5x",
    ),
}
