"""FLOPs of ERNIE-ViLG's terms in one global step, from the sizes of its networks (see
models.flops)."""

from itit_jax.models import picture_flops
from itit_jax.models.flops import Flops, dense, stack, token_table
from itit_jax.recipes import base


def flops(recipe) -> dict[str, Flops]:
    """{term: Flops} of the terms that are on: draw, caption, answer, and tokenize."""
    rows, model = base.rows(recipe), recipe.model
    table = {"tokenize": _tokenize(recipe, rows)}
    if b := rows.get("draw"):
        heads = dense(b * model.tokens, model.width, model.codes) + _table(model)
        places = model.text_length + 1 + model.tokens
        table["draw"] = _sequence(model, b, places) + heads
    if b := rows.get("caption"):
        heads = dense(b * model.text_length, model.width, model.vocabulary_size)
        table["caption"] = _sequence(model, b, model.tokens + model.text_length) + heads
    if b := rows.get("questions"):
        length = recipe.config.data.answer_length
        heads = dense(b * length, model.width, model.vocabulary_size)
        table["answer"] = _sequence(model, b, model.tokens + model.text_length + length) + heads
    return table


def _tokenize(recipe, rows):
    seen = sum(rows[name] for name, arrays in recipe.batch_spec.items() if "image" in arrays)
    size = recipe.config.data.image_size
    return picture_flops.encode_pixels(recipe.tokenizer, seen, size).forward_only()


def _sequence(model, b, places):
    return stack(model.depth, b, places, model.width, model.mlp_width) + _table(model)


def _table(model):
    return token_table(model.codes, model.width, model.code_features)
