"""The one jitted step: loss, gradients, update, EMA. Pure; knows no files and no paper."""

import functools

import jax
import jax.numpy as jnp
import optax

from itit_jax.optimizers import ema
from itit_jax.state import TrainState


def make_train_step(recipe, optimizer, *, seed, ema_decay=0.0, parts=1):
    """-> train_step(state, frozen, batch) -> (state, metrics).

    parts: in which the rows are taken, one after the other, for less memory. Its randomness is a
    function of (seed, step) alone, so any step can be replayed by itself. An update that is not
    finite is skipped: only the step number goes on.
    """

    def train_step(state, frozen, batch):
        def objective(trained, rows, key):
            params = trained | frozen
            teacher = params if state.ema is None else state.ema | frozen
            return recipe.loss(params, rows, key, state.step, teacher)

        key = jax.random.fold_in(jax.random.key(seed), state.step)
        gradient = functools.partial(jax.value_and_grad(objective, has_aux=True), state.params)
        (loss, metrics), grads = accumulated(gradient, batch, key, parts)
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


def accumulated(of, batch, key, parts):
    """Mean of the arrays that of(rows, key) gives of each of so many equal parts of the rows.

    A part holds every parts-th row, so that on a mesh each row is used where it lies.
    """
    if parts == 1:
        return of(batch, key)

    def add(total, part):
        rows, number = part
        return jax.tree.map(jnp.add, total, of(rows, jax.random.fold_in(key, number))), None

    cut = lambda x: jnp.swapaxes(x.reshape(-1, parts, *x.shape[1:]), 0, 1)
    rows = jax.tree.map(cut, batch)
    shapes = jax.eval_shape(of, jax.tree.map(lambda x: x[0], rows), key)
    nothing = jax.tree.map(lambda shape: jnp.zeros(shape.shape, shape.dtype), shapes)
    total, _ = jax.lax.scan(add, nothing, (rows, jnp.arange(parts)))
    return jax.tree.map(lambda x: x / parts, total)
