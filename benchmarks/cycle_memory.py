"""Temporary memory of the cycle text -> image -> text, as ITIT back-propagates through it (one
decoding step) and as it would be through all rounds of parallel decoding.

python -m benchmarks.cycle_memory --config=configs/itit_tiny.py --rounds=8
"""

import json
import sys

import jax
import jax.numpy as jnp

from configs.commands import Argument, command
from configs.keys import at_least
from itit_jax import config as settings
from itit_jax import losses
from itit_jax.recipes.itit import Recipe

ARGUMENTS = {
    "--config": Argument("configs/itit_tiny.py", "the experiment", form="FILE"),
    "--rounds": Argument(8, "rounds of decoding", at_least(1), form="N"),
    "--rows": Argument(16, "texts of a batch", at_least(1), form="N"),
}


@command("benchmarks.cycle_memory", "memory of one decoding round against all", ARGUMENTS)
def main(options):
    """Prints bytes of both and their ratio."""
    overrides = [f"cycle.rounds={options.rounds}", "model.scan=true"]
    recipe = Recipe(settings.load(options.config, overrides=overrides))
    params = jax.eval_shape(recipe.init, jax.random.key(0))
    text = jax.ShapeDtypeStruct((options.rows, recipe.model.text_length), jnp.int32)
    one = temporary_bytes(single_step(recipe), params, text)
    every = temporary_bytes(all_rounds(recipe, options.rounds), params, text)
    print(
        json.dumps(
            {
                "config": options.config,
                "rows": options.rows,
                "rounds": options.rounds,
                "one_step_temporary_bytes": one,
                "all_rounds_temporary_bytes": every,
                "ratio": round(every / one, 2),
            },
            indent=1,
        )
    )


def temporary_bytes(loss, params, text):
    """Temporary bytes of the compiled gradient of loss(params, text)."""
    compiled = jax.jit(jax.grad(loss)).lower(params, text).compile()
    return compiled.memory_analysis().temp_size_in_bytes


def single_step(recipe):
    """The cycle as the recipe trains it."""
    key = jax.random.key(0)
    return lambda params, text: recipe.t2i2t_loss(
        params, jax.lax.stop_gradient(params), {"text": text}, key
    )


def all_rounds(recipe, rounds):
    """The same loss with the straight-through gradient kept through every decoding round."""

    def loss(params, text):
        features, valid = recipe.text_features(params, text)
        batch, tokens = text.shape[0], recipe.tokens
        rows = jnp.zeros((batch, tokens, recipe.model.codes))
        for i in range(rounds):
            known = jnp.broadcast_to(jnp.arange(tokens) < tokens * i // rounds, (batch, tokens))
            logits = recipe.draw_logits(params, rows, known, features, valid, slots=tokens)
            rows = jnp.where(known[..., None], rows, losses.straight_through(logits))
        logits = recipe.caption_logits(params, rows, text, jax.random.key(1))
        return jnp.mean(losses.cross_entropy(logits, text))

    return loss


if __name__ == "__main__":
    sys.exit(main())
