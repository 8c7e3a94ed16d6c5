"""FLOPs of ERNIE-ViLG's terms in one global step, from the sizes of its networks (see
models.flops)."""

from itit_jax.models import picture_flops
from itit_jax.models.flops import Flops, between, dense, stack, token_table
from itit_jax.models.sparse_attention import keys_of
from itit_jax.recipes import base


def flops(recipe) -> dict[str, Flops]:
    """{term: Flops} of the terms that are on: draw, reconstruct, critic, caption, answer,
    and tokenize."""
    rows, model = base.rows(recipe), recipe.model
    table = {"tokenize": _tokenize(recipe, rows)}
    if b := rows.get("draw"):
        heads = dense(b * model.tokens, model.width, model.codes) + _table(model)
        table["draw"] = _sequence(model, b, "image", model.text_length + 1) + heads
        if model.latent_width:
            table["reconstruct"] = _reconstruct(recipe, b)
        if recipe.critic:
            size = recipe.config.data.image_size
            table["critic"] = picture_flops.critic_terms(recipe.critic, b, size)
    if b := rows.get("caption"):
        heads = dense(b * model.text_length, model.width, model.vocabulary_size)
        table["caption"] = _sequence(model, b, "text", model.text_length) + heads
    if b := rows.get("questions"):
        length, question = recipe.config.data.answer_length, model.text_length
        heads = dense(b * length, model.width, model.vocabulary_size)
        table["answer"] = _sequence(model, b, "text", question + length, question) + heads
    return table


def _tokenize(recipe, rows):
    seen = sum(rows[name] for name, arrays in recipe.batch_spec.items() if "image" in arrays)
    size = recipe.config.data.image_size
    return picture_flops.encode_pixels(recipe.tokenizer, seen, size).forward_only()


def _sequence(model, b, kind, others, question=0):
    """All layers over a picture and so many `others` places, `question` of them in the source
    beside it; kind: that of the target."""
    places, drawn, found = model.tokens + others, kind == "image", _table(model)
    if not model.kernel:
        return found + stack(model.depth, b, places, model.width, model.mlp_width)
    for pattern in model.patterns:
        # What stands before the picture looks at itself, what stands behind it at everything.
        pairs = others * (others if drawn else places)
        pairs += model.tokens * (keys_of(pattern, drawn) + (others if drawn else question))
        found += stack(1, b, places, model.width, model.mlp_width, keys=0)
        found += between(b, pairs, 1, model.width).remade()
    return found


def _reconstruct(recipe, b):
    """From states to pixels, and back into the Transformer."""
    model, size = recipe.model, recipe.config.data.image_size
    mapped = dense(b * model.tokens, model.width, model.width)
    mapped += dense(b * model.tokens, model.width, model.latent_width)
    made = picture_flops.decode_pixels(recipe.tokenizer, b, size)
    return mapped + (made if recipe.copies else made.frozen())


def _table(model):
    return token_table(model.codes, model.width, model.code_features)
