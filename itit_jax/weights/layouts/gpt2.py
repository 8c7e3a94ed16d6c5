"""GPT-2 <-> models.gpt2.GPT2, layers unrolled (weights.md)."""

from itit_jax.weights.layouts.rows import KEEP, Kind, Part, Row, count, linear, norm

MIXERS = ("query", "key", "value")


def hugging_face(depth):
    """Hugging Face's GPT2Model or GPT2LMHeadModel; its linear maps lie (in, out) as ours."""
    yield Row("wte.weight", "word_embedding")
    yield Row("wpe.weight", "word_positions")
    for i in range(depth):
        theirs, ours = f"h.{i}", f"blocks/layers_{i}"
        yield from norm(f"{theirs}.ln_1", f"{ours}/attention_norm")
        for number, name in enumerate(MIXERS):
            part = lambda axis, number=number: Part(axis, number, len(MIXERS), stacked=False)
            path = f"{ours}/attention/{name}"
            yield Row(f"{theirs}.attn.c_attn.weight", f"{path}/kernel", KEEP, part(1))
            yield Row(f"{theirs}.attn.c_attn.bias", f"{path}/bias", KEEP, part(0))
        yield from linear(f"{theirs}.attn.c_proj", f"{ours}/attention/out", KEEP)
        yield from norm(f"{theirs}.ln_2", f"{ours}/mlp_norm")
        yield from linear(f"{theirs}.mlp.c_fc", f"{ours}/mlp/up", KEEP)
        yield from linear(f"{theirs}.mlp.c_proj", f"{ours}/mlp/down", KEEP)
    yield from norm("ln_f", "norm")


KINDS = {
    "gpt2": Kind(
        "h.0.attn.c_attn.weight",
        lambda names: hugging_face(count(r"h\.(\d+)\.", names)),
        lambda paths: hugging_face(count(r"blocks/layers_(\d+)/", paths)),
        # The head is the table once more; the others are masks of older releases.
        r"lm_head\.weight|h\.\d+\.attn\.(masked_)?bias$",
        again={"lm_head.weight": "wte.weight"},
    ),
}
