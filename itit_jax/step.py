"""The one jitted step: loss, gradients, update, EMA. Pure; knows no files and no paper."""

import jax
import optax

from itit_jax.optimizers import ema
from itit_jax.state import TrainState


def make_train_step(recipe, optimizer, *, seed, ema_decay=0.0):
    """-> train_step(state, frozen, batch) -> (state, metrics).

    Its randomness is a function of (seed, step) alone, so any step can be replayed by itself.
    """

    def train_step(state, frozen, batch):
        key = jax.random.fold_in(jax.random.key(seed), state.step)

        def objective(trained):
            params = trained | frozen
            teacher = params if state.ema is None else state.ema | frozen
            return recipe.loss(params, batch, key, state.step, teacher)

        grads, metrics = jax.grad(objective, has_aux=True)(state.params)
        metrics["grad_norm"] = optax.global_norm(grads)
        updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        average = state.ema
        if average is not None:
            average = ema(average, params, ema_decay, state.step)
        new = TrainState(step=state.step + 1, params=params, opt_state=opt_state, ema=average)
        return new, metrics

    return train_step
