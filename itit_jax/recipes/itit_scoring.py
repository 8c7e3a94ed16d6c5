"""What held-out examples say of ITIT: losses, drawings, captions, and what a cycle brings back."""

import jax
import jax.numpy as jnp

from itit_jax import losses


def score(recipe, params, rows, key):
    """Of "image" uint8 [b, h, w, 3] and "text" int32 [b, t]: losses without smoothing [b], what is
    drawn uint8 [b, h, w, 3] and captioned int32 [b, t], and the ceiling "rebuilt"."""
    mask_key, caption_key, draw_key, part_key, cycle_key = jax.random.split(key, 5)
    ids, text = recipe.image_ids(params, rows), rows["text"]
    results = {
        "draw_loss": draw_loss(recipe, params, ids, text, mask_key),
        "caption_loss": caption_loss(recipe, params, ids, text, part_key),
        "drawn": recipe.draw(params, text, draw_key),
        "caption": recipe.caption(params, rows["image"], caption_key),
        "rebuilt": recipe.generation.decode_pixels(params, ids),
    }
    if recipe.config.evaluate.cycles:
        results |= close_cycles(recipe, params, results, ids, text, cycle_key)
    return results


def draw_loss(recipe, params, ids, text, key):
    """Cross-entropy of the masked among the tokens int [b, n], given the text int [b, t]: [b]."""
    features, valid = recipe.text_features(params, text)
    known = recipe.draw_mask(key, ids.shape[0])
    logits = recipe.draw_logits(params, ids, known, features, valid)
    return losses.masked_tokens(logits, ids, known)


def caption_loss(recipe, params, ids, text, key):
    """Cross-entropy of the words int [b, t], given a part of the tokens int [b, n]: [b]."""
    loss = losses.cross_entropy(recipe.caption_logits(params, ids, text, key), text)
    return losses.masked_mean(loss, text > 0, axis=-1)


def close_cycles(recipe, params, results, ids, text, key):
    """Pictures uint8 [b, h, w, 3] drawn from their captions, captions int32 [b, t] of their
    drawings, and the share of image tokens and of words that came back [b]."""
    generation = recipe.generation
    draw_key, caption_key = jax.random.split(key)
    redrawn = generation.draw_ids(params, results["caption"], draw_key)
    recaption = generation.caption(params, results["drawn"], caption_key)
    return {
        "redrawn": generation.decode_pixels(params, redrawn),
        "recaption": recaption,
        "i2t2i_token_accuracy": jnp.mean(redrawn == ids, axis=-1),
        "t2i2t_word_accuracy": losses.masked_mean(recaption == text, text > 0, axis=-1),
    }
