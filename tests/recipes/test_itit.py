"""Where gradient flows in ITIT's objectives, and where it must not (papers.md 1.3)."""

import functools
import re
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from itit_jax import train
from itit_jax.recipes import itit_scoring
from itit_jax.recipes.itit import Recipe, ramp
from tests import tiny

CYCLES = {"t2i2t": "texts", "i2t2i": "images", "i2t2i sampled": "images"}
BATCH, KEY = tiny.batch(), jax.random.key(5)
# Parts of the model that only the first half of a cycle can reach through the argmax.
FIRST_DECODER = {
    "t2i2t": ("image_decoder", "image_in", "mlm_dense", "mask_vector"),
    "i2t2i": ("text_decoder",),
}
FIRST_DECODER["i2t2i sampled"] = FIRST_DECODER["i2t2i"]


@functools.cache
def recipe(mode, top_p=0.0):
    return Recipe(tiny.itit_config(cycle__mode=mode, cycle__top_p=top_p, loss__smoothing=0.0))


def cycle_loss(mode, cycle):
    """Loss function of a cycle; "sampled": its captions are sampled, not greedy."""
    name, *sampled = cycle.split()
    return getattr(recipe(mode, 0.9 if sampled else 0.0), f"{name}_loss")


@functools.cache
def params():
    return tiny.parameters(recipe("full"))


@functools.cache
def value_and_grads(mode, cycle):
    """Loss of one cycle and its gradient with respect to (parameters, generator)."""
    loss = cycle_loss(mode, cycle)
    call = jax.jit(jax.value_and_grad(lambda p, g: loss(p, g, BATCH[CYCLES[cycle]], KEY), (0, 1)))
    return call(params(), params())


def moved(tree):
    return any(bool(jnp.any(x != 0)) for x in jax.tree.leaves(tree))


@pytest.mark.parametrize("cycle", CYCLES)
def test_half_and_full_cycles_have_equal_values(cycle):
    assert value_and_grads("half", cycle)[0] == value_and_grads("full", cycle)[0]


@pytest.mark.parametrize("cycle", CYCLES)
@pytest.mark.parametrize("mode", ["half", "full"])
def test_no_gradient_reaches_the_generator(mode, cycle):
    assert not moved(value_and_grads(mode, cycle)[1][1])


@pytest.mark.parametrize("cycle", CYCLES)
def test_a_full_cycle_moves_its_first_decoder_and_a_half_cycle_does_not(cycle):
    full, half = (value_and_grads(mode, cycle)[1][0]["model"] for mode in ("full", "half"))
    for part in FIRST_DECODER[cycle]:
        assert moved(full[part]), part
        assert not moved(half[part]), part


@pytest.mark.parametrize("cycle", CYCLES)
def test_half_equals_full_with_the_straight_through_gradient_zeroed(cycle, monkeypatch):
    from itit_jax import losses

    half = value_and_grads("half", cycle)[1][0]
    straight = losses.straight_through
    cut_gradient = lambda *a: jax.lax.stop_gradient(straight(*a))
    monkeypatch.setattr(losses, "straight_through", cut_gradient)
    loss = cycle_loss("full", cycle)
    cut = jax.jit(jax.grad(lambda p: loss(p, params(), BATCH[CYCLES[cycle]], KEY)))(params())
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), half, cut)


def test_the_image_cycle_differentiates_through_the_text_encoder():
    assert moved(value_and_grads("full", "i2t2i")[1][0]["text_encoder"])


@pytest.mark.parametrize("cycle", CYCLES)
def test_the_tokenizer_gets_no_gradient(cycle):
    assert not moved(value_and_grads("full", cycle)[1][0]["tokenizer"])


def test_a_cycle_that_has_not_begun_adds_nothing():
    late = jax.jit(Recipe(tiny.itit_config(cycle__t2i2t_start=10, cycle__i2t2i_start=20)).loss)
    none = jax.jit(Recipe(tiny.itit_config(cycle__mode="none")).loss)
    before, after = (late(params(), BATCH, KEY, step, params()) for step in (9, 10))
    assert before[0] == none(params(), BATCH, KEY, 9, params())[0]
    assert after[1]["t2i2t"] > 0 and after[1]["i2t2i"] == 0


def test_what_no_term_learns_from_is_not_read():
    streams = lambda **keys: set(Recipe(tiny.itit_config(**keys)).batch_spec)
    assert streams() == {"draw", "caption", "images", "texts"}
    assert streams(cycle__mode="none") == {"draw", "caption"}
    assert streams(loss__i2t2i=0.0, loss__draw=0.0) == {"caption", "texts"}


def test_who_writes_words_only_in_the_middle_of_a_cycle_keeps_their_vocabulary():
    only = Recipe(tiny.itit_config(loss__draw=0.0, loss__caption=0.0, loss__t2i2t=0.0))
    streams = types.SimpleNamespace(reads_text=False, vocabulary="words")
    assert set(only.batch_spec) == {"images"} and train.words_of(only, streams) == "words"
    assert train.words_of(object(), streams) is None


def test_held_out_losses_know_no_dropout():
    text = BATCH["texts"]["text"]
    ids = jnp.ones((len(text), tiny.TOKENS), jnp.int32)
    for loss in (itit_scoring.draw_loss, itit_scoring.caption_loss):
        found = [jax.jit(functools.partial(loss, Recipe(tiny.itit_config(model__dropout=share))))(
            params(), ids, text, KEY) for share in (0.0, 0.5)]  # fmt: skip
        np.testing.assert_array_equal(*found)


def test_weights_multiply_their_term():
    weighted = Recipe(tiny.itit_config(cycle__mode="none", loss__draw=2.0, loss__caption=0.5))
    total, of = jax.jit(weighted.loss)(params(), BATCH, KEY, 0, params())
    np.testing.assert_allclose(total, 2.0 * of["draw"] + 0.5 * of["caption"], rtol=1e-6)


@pytest.mark.parametrize("off", ["draw", "caption", "t2i2t"])
def test_a_term_of_weight_zero_is_not_computed(off, monkeypatch):
    r = Recipe(tiny.itit_config(cycle__i2t2i_start=9, **{f"loss__{off}": 0.0}))
    monkeypatch.setattr(r, f"{off}_loss", lambda *_: pytest.fail("it was computed"))
    total, metrics = jax.eval_shape(r.loss, params(), BATCH, KEY, 0, params())
    assert off not in metrics and metrics.keys() > {"draw", "caption", "t2i2t", "i2t2i"} - {off}


def test_a_profile_names_every_term_and_both_halves_of_a_cycle():
    rows = {"image": np.zeros((8, tiny.IMAGE, tiny.IMAGE, 3), np.uint8)}
    batch = BATCH | {"draw": {"text": BATCH["draw"]["text"]} | rows}
    grads = jax.jit(jax.grad(lambda *a: recipe("full").loss(*a)[0]))
    names = grads.lower(params(), batch, KEY, 0, params()).as_text(debug_info=True)
    halves = [f"{cycle}/{half}" for cycle in ("t2i2t", "i2t2i") for half in ("generation", "cycle")]
    for scope in ("draw", "caption", "tokenizer", *halves):
        assert re.search(rf'[(/"]{scope}[)/]', names), scope


def test_draw_masks_follow_the_cosine_law_and_its_floor():
    r = recipe("full")
    masked = tiny.TOKENS - jax.vmap(lambda k: r.draw_mask(k, 8).sum(-1))(
        jax.random.split(jax.random.key(0), 2000)
    )
    assert masked.min() == round(tiny.TOKENS * 0.25) and masked.max() == tiny.TOKENS
    u = (np.arange(100_000) + 0.5) / 100_000
    law = np.maximum(np.ceil(np.cos(np.pi / 2 * u) * tiny.TOKENS), tiny.TOKENS * 0.25)
    assert abs(float(masked.mean()) - law.mean()) < 0.1


def test_caption_masks_keep_an_exact_number():
    kept = recipe("full").caption_mask(jax.random.key(0), 50).sum(-1)
    assert set(np.asarray(kept).tolist()) == {12}


def test_the_ramp_starts_at_its_step_and_ends_at_one():
    assert [float(ramp(s, 3, 2)) for s in range(6)] == [0, 0, 0, 0.5, 1, 1]
    assert [float(ramp(s, 3, 0)) for s in range(5)] == [0, 0, 0, 1, 1]
