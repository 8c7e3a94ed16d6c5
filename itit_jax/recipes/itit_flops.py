"""FLOPs of ITIT's terms in one global step, from the sizes of its networks (see models.flops).

A cycle is told in two: its generation, which has no gradient, and the training passes after it.
Features of a text that both read are counted with the passes.
"""

from configs.itit import TERMS, objectives
from itit_jax.decoding.schedule import stages
from itit_jax.models import picture_flops
from itit_jax.models.flops import (
    NONE,
    Flops,
    dense,
    stack,
    t5_encoder,
    t5_rows,
    token_table,
)
from itit_jax.recipes import base


def flops(recipe) -> dict[str, Flops]:
    """{term: Flops} of the terms that are on: draw, caption, t2i2t/generation, t2i2t/cycle,
    i2t2i/generation, i2t2i/cycle, and tokenize, all pictures of the step to ids."""
    rows = _rows(recipe)
    table = {"tokenize": _tokenize(recipe, rows)}
    if b := rows.get("draw"):
        table["draw"] = _text(recipe, b) + _draw(recipe, b)
    if b := rows.get("caption"):
        table["caption"] = _caption(recipe.model, b, recipe.caption_slots)
    if b := rows.get("t2i2t"):
        table["t2i2t/generation"] = _draw_rounds(recipe, b).forward_only()
        table["t2i2t/cycle"] = _t2i2t(recipe, b)
    if b := rows.get("i2t2i"):
        table["i2t2i/generation"] = _caption_words(recipe.model, b).forward_only()
        table["i2t2i/cycle"] = _i2t2i(recipe, b)
    return table


def _rows(recipe):
    """{term that is on: rows of its stream}."""
    streams = base.rows(recipe)
    return {name: streams[TERMS[name]] for name in objectives(recipe.config)}


def _tokenize(recipe, rows):
    seen = [name for name in rows if "image" in recipe.batch_spec[TERMS[name]]]
    pictures, size = sum(rows[name] for name in seen), recipe.config.data.image_size
    return picture_flops.encode_pixels(recipe.tokenizer, pictures, size).forward_only()


# ---- the cycles ----------------------------------------------------------------------------------


def _t2i2t(recipe, b):
    draw = _text(recipe, b) + _draw(recipe, b)
    rows = dense(b * recipe.caption_slots, recipe.model.codes, recipe.model.width)
    if recipe.config.cycle.mode == "half":  # the drawing is made, and nothing flows back to it
        draw, rows = draw.forward_only(), rows.of_data()
    return draw + rows + _caption(recipe.model, b, recipe.caption_slots)


def _i2t2i(recipe, b):
    caption = _caption(recipe.model, b, recipe.caption_slots)
    words = t5_rows(recipe.text_encoder, b, recipe.model.text_length)
    full = recipe.config.cycle.mode == "full"
    if not full:
        caption, words = caption.forward_only(), words.of_data()
    return caption + _text(recipe, b, words, through=full) + _draw(recipe, b)


def _draw_rounds(recipe, b):
    """Every round encodes the slots of its stage."""
    features = t5_encoder(recipe.text_encoder, b, recipe.model.text_length)
    found = NONE if recipe.one_text_encoder else features
    for numbers, slots in stages(recipe.tokens, recipe.config.cycle.rounds):
        found += (_projection(recipe, b) + _draw(recipe, b, slots)) * len(numbers)
    return found


def _caption_words(model, b):
    """The whole picture read once, then one cached step a word, to the longest text."""
    states = model.tokens + 1
    keys = states + model.text_length
    read = _encode(model, b, model.tokens, 1) + _words_stack(model, b, states, keys)
    read += dense(b * states, model.width, model.text_decoder.width)
    word = _words_stack(model, b, 1, keys) + _word_logits(model, b)
    return read + word * model.text_length


# ---- the passes of the networks ------------------------------------------------------------------


def _text(recipe, b, rows=NONE, through=False):
    """Features of the text and their projection. rows: what it costs more to read probability
    rows; through: whether gradient flows back into those."""
    features = rows + t5_encoder(recipe.text_encoder, b, recipe.model.text_length)
    projected = _projection(recipe, b)
    if "text_encoder" in recipe.trainable:
        return features + projected
    if through:
        return features.frozen() + projected
    return features.forward_only() + projected.of_data()


def _projection(recipe, b):
    return dense(b * recipe.model.text_length, recipe.text_encoder.width, recipe.model.width)


def _draw(recipe, b, slots=None):
    """Encoder and image decoder, given the projected text."""
    model = recipe.model
    slots = recipe.draw_slots if slots is None else slots
    return _encode(model, b, slots, model.text_length) + _decode_image(model, b, slots)


def _caption(model, b, slots):
    """Encoder and teacher-forced text decoder."""
    states = slots + 1  # of the empty text
    return (
        _encode(model, b, slots, 1)
        + dense(b * states, model.width, model.text_decoder.width)
        + _words_stack(model, b, states + model.text_length)
        + _word_logits(model, b * model.text_length)
    )


def _encode(model, b, slots, words):
    joint = stack(model.depth, b, slots + words, model.width, model.mlp_width)
    return joint + _table(model)


def _decode_image(model, b, slots):
    places = model.tokens + model.text_length
    return (
        dense(b * slots, model.width, model.width)
        + stack(model.image_depth, b, places, model.width, model.mlp_width)
        + dense(b * model.tokens, model.width, model.width)
        + dense(b * model.tokens, model.width, model.codes)
        + _table(model)
    )


def _table(model):
    return token_table(model.codes, model.width, model.code_features)


def _words_stack(model, b, queries, keys=None):
    decoder = model.text_decoder
    return stack(decoder.depth, b, queries, decoder.width, decoder.mlp_width, keys)


def _word_logits(model, rows):
    return dense(rows, model.text_decoder.width, model.text_decoder.vocabulary_size)
