"""One step: what is not finite changes nothing but the step number; rows in parts count as all."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from itit_jax import optimizers, sharding, state
from itit_jax.planner.collectives import collectives
from itit_jax.step import accumulated, make_train_step

LIMIT = float(np.finfo(np.float32).max)


def recipe(loss):
    """One part with a matrix; loss(kernel, batch) -> []."""

    def init(key):
        return {"model": {"kernel": jax.random.normal(key, (4, 3))}}

    def of(params, batch, key, step, teacher):
        del key, step, teacher
        value = loss(params["model"]["kernel"], batch)
        return value, {}

    return types.SimpleNamespace(trainable=("model",), init=init, loss=of)


SQUARES = recipe(lambda kernel, batch: jnp.mean(kernel**2) * batch)


def adam(rate=0.1):
    return optax.adamw(rate)


def stepped(of, optimizer, batches, parts=1):
    """-> states before the first and after each step, and the metrics of each."""
    now = state.make_init(of, optimizer, use_ema=True)(jax.random.key(0))
    step = jax.jit(make_train_step(of, optimizer, seed=0, ema_decay=0.5, parts=parts))
    states, told = [now], []
    for batch in batches:
        now, metrics = step(now, {}, batch)
        states.append(now)
        told.append(metrics)
    return states, told


def same_but_step(one, two):
    jax.tree.map(np.testing.assert_array_equal, one.replace(step=0), two.replace(step=0))


HOSTILE = {
    "loss": (SQUARES, adam(), jnp.nan),
    "gradient": (recipe(lambda x, b: jnp.sum(jnp.sqrt(b * x * x))), adam(), 0.0),
    "gradient's norm": (recipe(lambda x, b: jnp.sum(x) * b), adam(), 1e30),
    "update": (recipe(lambda x, b: jnp.sum(x) * b), optax.sgd(1e30), 1e10),
    "update, clipped": (
        recipe(lambda x, b: jnp.sum(x) * b),
        optax.chain(optax.clip_by_global_norm(1.0), adam()),
        1e30,
    ),
}


@pytest.mark.parametrize("where", HOSTILE)
def test_an_update_that_is_not_finite_is_skipped_and_the_step_goes_on(where):
    (start, after), (metrics,) = stepped(*HOSTILE[where][:2], [jnp.float32(HOSTILE[where][2])])
    same_but_step(after, start)
    assert after.step == 1 and metrics["skipped"] == 1


def test_what_follows_a_skipped_step_is_what_would_have_followed_without_it():
    good = jnp.float32(1.0)
    plain, _ = stepped(SQUARES, adam(), [good, good])
    odd, told = stepped(SQUARES, adam(), [good, jnp.float32(jnp.inf), good])
    by_step = dict(ema=None)  # whose decay is that of the step
    same_but_step(odd[-1].replace(**by_step), plain[-1].replace(**by_step))
    assert [int(m["skipped"]) for m in told] == [0, 1, 0] and odd[-1].step == 3


@pytest.mark.parametrize("name", ["adamw", "adafactor", "muon"])
def test_no_gradient_that_is_taken_leaves_a_state_that_is_not_finite(name):
    section = types.SimpleNamespace(
        name=name, learning_rate=1e30, schedule="constant", warmup_steps=0, final_fraction=0.0,
        mu_dtype="float32",
        b1=0.9, b2=0.98, weight_decay=0.1, clip_norm=0.0,
    )  # fmt: skip
    sizes = [jnp.float32(10.0**power) for power in range(-45, 39, 3)] + [jnp.float32(LIMIT)]
    linear = recipe(lambda kernel, batch: jnp.sum(kernel * batch))
    for size in sizes:
        states, told = stepped(linear, optimizers.make(section, 9), [size, size])
        assert all(state.not_finite(found) == "" for found in states), float(size)


def error(kernel, batch):
    return jnp.mean((batch["a"]["x"] @ kernel - batch["b"]["y"]) ** 2)


ROWS = {"a": {"x": np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)},
        "b": {"y": np.random.default_rng(1).normal(size=(16, 3)).astype(np.float32)}}  # fmt: skip


@pytest.mark.parametrize("parts", [2, 4, 16])
def test_rows_in_parts_give_the_step_of_all_rows_at_once(parts):
    (_, whole), (told,) = stepped(recipe(error), optax.sgd(0.1), [ROWS])
    (_, found), (metrics,) = stepped(recipe(error), optax.sgd(0.1), [ROWS], parts=parts)
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5)
    jax.tree.map(close, found, whole)
    jax.tree.map(close, metrics, told)


def test_each_part_has_randomness_of_its_own():
    seen = accumulated(
        lambda rows, key: jax.nn.one_hot(jax.random.randint(key, (), 0, 1000), 1000),
        ROWS, jax.random.key(0), 4,
    )  # fmt: skip
    assert np.count_nonzero(seen) > 1 and float(jnp.sum(seen)) == 1


def test_parts_move_no_row_to_another_device():
    mesh = sharding.make_mesh(2, 4, 1)
    rows = jax.device_put(ROWS, sharding.batch_sharding(mesh))
    squares = lambda rows, key: jnp.mean(rows["a"]["x"] ** 2)
    with jax.set_mesh(mesh):
        step = jax.jit(lambda rows: accumulated(squares, rows, jax.random.key(0), 2))
        found = collectives(step.lower(rows).compile().as_text())
        assert float(step(rows)) == pytest.approx(np.mean(ROWS["a"]["x"] ** 2), rel=1e-5)
    assert set(found) == {"all-reduce"}, "of the sums alone"
