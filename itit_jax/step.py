"""The one jitted step: loss, gradients, update, EMA. Pure; knows no files and no paper."""

import jax
import jax.numpy as jnp
import optax

from itit_jax.optimizers import ema
from itit_jax.state import TrainState


def make_train_step(recipe, optimizer, *, seed, ema_decay=0.0):
    """-> train_step(state, frozen, batch) -> (state, metrics).

    Its randomness is a function of (seed, step) alone, so any step can be replayed by itself. An
    update that is not finite is skipped: only the step number goes on.
    """

    def train_step(state, frozen, batch):
        key = jax.random.fold_in(jax.random.key(seed), state.step)

        def objective(trained):
            params = trained | frozen
            teacher = params if state.ema is None else state.ema | frozen
            return recipe.loss(params, batch, key, state.step, teacher)

        (loss, metrics), grads = jax.value_and_grad(objective, has_aux=True)(state.params)
        updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        average = state.ema
        if average is not None:
            average = ema(average, params, ema_decay, state.step)
        new = TrainState(step=state.step, params=params, opt_state=opt_state, ema=average)
        metrics |= {"loss": loss, "grad_norm": optax.global_norm(grads)}
        # Finite norms bound all that is new, squares included, and are known before it: to look at
        # the new state itself would take room for it beside the old one.
        sound = jnp.isfinite(loss + metrics["grad_norm"] + optax.global_norm(updates))
        metrics["skipped"] = 1.0 - sound
        new = jax.tree.map(lambda after, before: jnp.where(sound, after, before), new, state)
        return new.replace(step=state.step + 1), metrics

    return train_step
