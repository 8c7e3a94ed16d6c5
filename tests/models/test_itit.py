"""Facts of ITIT's network on random weights."""

import jax
import jax.numpy as jnp
import numpy as np

from itit_jax.decoding.parallel import gather_known
from itit_jax.recipes.itit import Recipe
from tests import tiny

RECIPE = Recipe(tiny.itit_config())
PARAMS = tiny.parameters(RECIPE)
ROWS = tiny.batch()["draw"]
text_features = jax.jit(RECIPE.text_features)
draw_logits = jax.jit(RECIPE.draw_logits, static_argnames="slots")


def test_hidden_slots_change_nothing():
    """Dropping masked tokens equals encoding them behind the attention mask."""
    known = RECIPE.draw_mask(jax.random.key(1), 8)
    features, valid = text_features(PARAMS, ROWS["text"])
    few, all_ = (
        draw_logits(PARAMS, ROWS["tokens"], known, features, valid, slots=slots)
        for slots in (RECIPE.draw_slots, tiny.TOKENS)
    )
    np.testing.assert_allclose(few, all_, rtol=1e-3, atol=1e-4)


def test_masked_tokens_are_never_read():
    known = RECIPE.draw_mask(jax.random.key(1), 8)
    features, valid = text_features(PARAMS, ROWS["text"])
    other = jnp.where(known, ROWS["tokens"], (ROWS["tokens"] + 7) % tiny.CODES)
    np.testing.assert_array_equal(
        *(draw_logits(PARAMS, t, known, features, valid) for t in (ROWS["tokens"], other))
    )


def test_padding_words_are_never_read():
    known = jnp.ones((8, tiny.TOKENS), bool)
    valid = ROWS["text"] > 0
    junk = jnp.where(valid, ROWS["text"], 9)
    logits = [
        draw_logits(
            PARAMS,
            ROWS["tokens"],
            known,
            *text_features(PARAMS, text, valid),
            slots=tiny.TOKENS,
        )
        for text in (ROWS["text"], junk)
    ]
    np.testing.assert_allclose(*logits, rtol=1e-5, atol=1e-5)


def test_one_hot_rows_equal_ids():
    rows = jax.nn.one_hot(ROWS["tokens"], tiny.CODES)
    words = jax.nn.one_hot(ROWS["text"], tiny.WORDS)
    key = jax.random.key(3)
    logits = jax.jit(lambda tokens: RECIPE.caption_logits(PARAMS, tokens, ROWS["text"], key))
    np.testing.assert_allclose(logits(ROWS["tokens"]), logits(rows), rtol=1e-4, atol=1e-5)
    valid = ROWS["text"] > 0
    np.testing.assert_allclose(
        *(text_features(PARAMS, w, valid)[0] for w in (ROWS["text"], words)),
        rtol=1e-4, atol=1e-5,
    )


def test_an_emptied_text_equals_no_text():
    known = jnp.ones((8, tiny.TOKENS), bool)
    features, valid = text_features(PARAMS, ROWS["text"])
    kept = gather_known(ROWS["tokens"], known, tiny.TOKENS)
    emptied, seen = RECIPE._apply(PARAMS, None, "encode", *kept, features, valid & False)
    nothing, _ = RECIPE._apply(PARAMS, None, "encode", *kept)
    assert seen[:, tiny.TOKENS :].sum() == 8
    np.testing.assert_allclose(emptied[:, : tiny.TOKENS + 1], nothing, rtol=1e-4, atol=1e-5)


def test_scanned_layers_equal_unrolled_ones():
    """Stacking the unrolled layers' parameters gives the scanned network's outputs."""
    unrolled = Recipe(deep(False))
    scanned = Recipe(deep(True))
    params = tiny.parameters(unrolled)
    stacked = {name: stack(tree) for name, tree in params.items()}
    described = jax.eval_shape(scanned.init, jax.random.key(0))
    for part in ("model", "text_encoder"):
        assert jax.tree.structure(stacked[part]) == jax.tree.structure(described[part])
    key = jax.random.key(1)
    for name in ("draw_loss", "caption_loss"):
        rows = tiny.batch()["draw"]
        np.testing.assert_allclose(
            jax.jit(getattr(unrolled, name))(params, rows, key),
            jax.jit(getattr(scanned, name))(stacked, rows, key),
            rtol=1e-5,
        )


def deep(scan):
    return tiny.itit_config(
        model__scan=scan,
        model__depth=2,
        model__image_decoder__depth=2,
        model__text_decoder__depth=2,
        text_encoder__layers=2,
    )


def stack(tree):
    """{"layers_0": a, "layers_1": b} -> {"layers": stacked}, anywhere in the tree."""
    if not isinstance(tree, dict):
        return tree
    names = [n for n in tree if n.startswith("layers_")]
    rest = {n: stack(v) for n, v in tree.items() if n not in names}
    if names:
        layers = [tree[f"layers_{i}"] for i in range(len(names))]
        rest["layers"] = jax.tree.map(lambda *a: jnp.stack(a), *layers)
    return rest
