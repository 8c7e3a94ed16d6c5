"""Parts of a step sum up to it, and the four steps are what their names say."""

import pytest

from benchmarks import cycle_cost
from itit_jax.models.flops import t5_encoder
from itit_jax.recipes import base, itit_flops
from itit_jax.recipes.itit import Recipe
from tests import tiny

ROUNDS = dict(cycle__rounds=2, decode__rounds=5)


@pytest.fixture(scope="module")
def tables():
    """{"full", "naive"}: (recipe, FLOPs by part)."""
    config = tiny.itit_config(**ROUNDS)
    recipes = {"full": Recipe(config), "naive": cycle_cost.Naive(config)}
    return {name: (recipe, cycle_cost.parts(recipe)) for name, recipe in recipes.items()}


def test_parts_are_the_whole_step_and_every_one_of_them_costs(tables):
    recipe, table = tables["full"]
    assert sum(table.values()) == sum(found.total for found in recipe.flops().values())
    assert table.keys() == cycle_cost.PARTS.keys() and all(table.values())
    own = recipe.flops()
    assert table["generation of images"] == own["t2i2t/generation"].total
    assert table["generation of texts"] == own["i2t2i/generation"].total
    assert table["tokenizer"] == own["tokenize"].total


def test_the_naive_step_draws_every_round_from_every_token_and_reads_the_text_again(tables):
    (recipe, table), (_, naive) = tables["full"], tables["naive"]
    one = itit_flops._projection(recipe, 8) + itit_flops._draw(recipe, 8, tiny.TOKENS)
    assert naive["generation of images"] == 5 * one.forward
    again = t5_encoder(recipe.text_encoder, 8, tiny.LENGTH).forward
    assert naive["text encoder, forward"] == table["text encoder, forward"] + again
    rest = table.keys() - {"generation of images", "text encoder, forward"}
    assert {part: naive[part] for part in rest} == {part: table[part] for part in rest}


def test_all_steps_have_equally_many_samples_and_the_cycles_run():
    found = cycle_cost.steps("configs/itit_tiny.py")
    assert [sum(base.rows(recipe).values()) for recipe in found.values()] == [80] * 4
    assert base.rows(found["none"]) == {"draw": 40, "caption": 40}
    for recipe in found.values():
        cycle = recipe.config.cycle
        assert (cycle.t2i2t_start, cycle.i2t2i_start, cycle.ramp) == (0, 0, 0)


@pytest.mark.parametrize(
    "names, part",
    [
        ("/jvp()/jvp(draw)/ITIT.encode", "paired passes"),
        ("/jvp()/jvp(caption)/tokenizer/conv", "tokenizer"),
        ("/transpose(jvp(i2t2i/cycle))/text_encoder/T5Encoder", "text encoder, through"),
        ("/jvp(t2i2t/cycle)/text_encoder/T5Encoder", "text encoder, forward"),
        ("/jvp(t2i2t/generation)/text_encoder/T5Encoder", "text encoder, forward"),
        ("/transpose(jvp(t2i2t/cycle))/ITIT.decode_image", "cycle passes"),
    ],
)
def test_an_operation_belongs_to_the_part_that_its_scopes_tell(names, part):
    assert cycle_cost.part_of(names) == part


def test_an_operation_of_no_part_is_no_silence():
    with pytest.raises(ValueError, match="belong to no part"):
        cycle_cost.part_of("/jvp(elsewhere)")
