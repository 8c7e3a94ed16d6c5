"""FLOPs of C3's terms in one global step, from the sizes of its networks (see models.flops)."""

from configs.c3 import TERMS
from itit_jax.models import picture_flops
from itit_jax.models.flops import Flops, dense, image_tower, stack, text_tower, token_table
from itit_jax.recipes import base


def flops(recipe) -> dict[str, Flops]:
    """{term: Flops} of the terms that are on, and of the frozen parts: tower, tokenize."""
    rows = base.rows(recipe)
    table = {"tower": _tower(recipe, rows)}
    for name in ("caption", "pairs"):
        if b := rows.get(TERMS[name]):
            table[name] = _captioner(recipe, b)
    if b := rows.get("images"):
        size = recipe.config.data.image_size
        table["tokenize"] = picture_flops.encode_pixels(recipe.tokenizer, b, size).forward_only()
        table["draw"] = _drawer(recipe, b)
    return table


def _tower(recipe, rows):
    pictures = rows.get("images", 0) + rows.get("caption", 0)
    seen = image_tower(recipe.tower.image, pictures) if pictures else Flops()
    read = text_tower(recipe.tower.text, rows["texts"]) if rows.get("texts") else Flops()
    return (seen + read).forward_only()


def _captioner(recipe, b):
    """The vector needs no gradient; the last word is read by nobody."""
    mapper, decoder, length = recipe.captioner.mapper, recipe.captioner.decoder, recipe.length
    total, places = mapper.prefix * mapper.width, mapper.prefix + length - 1
    return (
        dense(b, recipe.tower.text.features, total // 2).of_data()
        + dense(b, total // 2, total)
        + stack(decoder.depth, b, places, decoder.width, decoder.mlp_width)
        + dense(b * length, decoder.width, decoder.vocabulary_size)
    )


def _drawer(recipe, b):
    drawer, slots = recipe.drawer, recipe.slots
    table = token_table(drawer.codes, drawer.width, drawer.code_features)
    return (
        dense(b, recipe.tower.text.features, drawer.width).of_data()
        + stack(drawer.depth, b, slots + 1, drawer.width, drawer.mlp_width)
        + dense(b * slots, drawer.width, drawer.width)
        + stack(drawer.image_depth, b, drawer.tokens + 1, drawer.width, drawer.mlp_width)
        + dense(b * drawer.tokens, drawer.width, drawer.width)
        + dense(b * drawer.tokens, drawer.width, drawer.codes)
        + table * 2
    )
