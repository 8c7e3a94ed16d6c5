"""ITIT's formulas beside a count of its traced programs: equal to the last FLOP."""

import jax
import jax.numpy as jnp
import pytest

from benchmarks import traced_flops
from itit_jax.recipes.itit import Recipe
from tests import tiny

STEPS = {
    "T5 learns, sampled captions": dict(text_encoder__trainable=True, cycle__top_p=0.7),
    "T5 learns, gradient stops in the middle": dict(
        text_encoder__trainable=True, cycle__mode="half"
    ),
    "T5 learns, and its average makes the middle": dict(
        text_encoder__trainable=True, cycle__generator="ema", optimizer__ema_decay=0.9
    ),
    "scanned layers and rounds": dict(
        model__scan=True, cycle__rounds=9, model__depth=3, model__image_decoder__depth=2,
        text_encoder__layers=2, model__text_decoder__depth=2, masks__draw_min=0.5,
    ),
    "another text decoder, other rows, ids instead of pictures": dict(
        model__text_decoder__width=24, model__text_decoder__mlp_width=40, data__tokens="made",
        data__rows__draw=3, data__rows__caption=5, data__rows__texts=2, data__rows__images=7,
    ),
    "blocks are made again": dict(
        mesh__remat="full", model__scan=True, model__depth=3, text_encoder__layers=2,
        data__tokens="made",
    ),
    "drawing alone": dict(cycle__mode="none", loss__caption=0.0, data__rows__caption=0),
}  # fmt: skip


def described(changes):
    """(recipe, shapes of its trainable parts, of the frozen ones)."""
    recipe = Recipe(tiny.itit_config(**changes))
    parts = jax.eval_shape(recipe.init, jax.random.key(0))
    trained = {part: parts[part] for part in recipe.trainable}
    return recipe, trained, {name: parts[name] for name in parts.keys() - trained.keys()}


def count(recipe, function, *parts):
    """FLOPs of function(trainable, frozen) by its program."""
    return traced_flops.count(function, *parts, trips=recipe.model.text_length)


@pytest.mark.parametrize("case", STEPS)
def test_the_formula_of_a_step_is_what_its_program_computes(case):
    recipe, *parts = described(STEPS[case])
    batch = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), recipe.batch_spec)
    loss = lambda p, f: recipe.loss(p | f, batch, jax.random.key(0), 5, p | f)[0]
    table = recipe.flops()
    assert all(f.forward > 0 for name, f in table.items() if name != "tokenize")
    assert (table["tokenize"].total == 0) == bool(recipe.config.data.tokens)
    again = recipe.config.mesh.remat == "full"
    told = sum(f.total + again * f.again for f in table.values())
    assert count(recipe, jax.grad(loss), *parts) == told


def test_every_term_has_its_own_formula():
    recipe, *parts = described({})
    rows, key, table = tiny.batch(), jax.random.key(0), recipe.flops()
    stop = jax.lax.stop_gradient
    terms = {
        "draw": lambda p: recipe.draw_loss(p, rows["draw"], key),
        "caption": lambda p: recipe.caption_loss(p, rows["caption"], key),
        "t2i2t": lambda p: recipe.t2i2t_loss(p, stop(p), rows["texts"], key),
        "i2t2i": lambda p: recipe.i2t2i_loss(p, stop(p), rows["images"], key),
    }
    for name, term in terms.items():
        whole = lambda p, f, term=term: term(p | f)
        told = [f for n, f in table.items() if n.split("/")[0] == name]
        assert count(recipe, whole, *parts) == sum(f.forward for f in told), name
        assert count(recipe, jax.grad(whole), *parts) == sum(f.total for f in told), name
