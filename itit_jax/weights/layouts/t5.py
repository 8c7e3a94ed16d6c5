"""T5 1.1 encoders <-> models.t5.T5Encoder, layers unrolled (weights.md 1)."""

from itit_jax.weights.layouts.rows import LINEAR, Kind, Row, count

SHARED, OWN = "shared.weight", "encoder.embed_tokens.weight"  # one table under two names


def hugging_face(depth, words=SHARED):
    """Hugging Face's T5EncoderModel, or the encoder of a whole T5; `words`: its table of words."""
    yield Row(words, "token_embedding")
    bias = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    yield Row(bias, "relative_bias")
    for i in range(depth):
        theirs, ours = f"encoder.block.{i}.layer", f"encoder/layers_{i}"
        for short, name in (("q", "query"), ("k", "key"), ("v", "value"), ("o", "out")):
            path = f"{ours}/attention/{name}/kernel"
            yield Row(f"{theirs}.0.SelfAttention.{short}.weight", path, LINEAR)
        yield Row(f"{theirs}.0.layer_norm.weight", f"{ours}/attention_norm/scale")
        for name in ("wi_0", "wi_1", "wo"):
            path = f"{ours}/mlp/{name}/kernel"
            yield Row(f"{theirs}.1.DenseReluDense.{name}.weight", path, LINEAR)
        yield Row(f"{theirs}.1.layer_norm.weight", f"{ours}/mlp_norm/scale")
    yield Row("encoder.final_layer_norm.weight", "final_norm/scale")


KINDS = {
    "t5": Kind(
        "encoder.block.0.layer.0.SelfAttention.q.weight",
        lambda names: hugging_face(
            count(r"encoder\.block\.(\d+)\.", names), SHARED if SHARED in names else OWN
        ),
        lambda paths: hugging_face(count(r"encoder/layers_(\d+)/", paths)),
        r"decoder\.|lm_head\.|encoder\.embed_tokens\.",
        again={OWN: SHARED},
    ),
}
