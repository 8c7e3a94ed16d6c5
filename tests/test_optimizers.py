"""A scanned stack trains as its unrolled layers do, under every optimizer."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from ml_collections import ConfigDict

from itit_jax import optimizers, sharding

LAYERS, STEPS = 3, 5


def section(**changes):
    return ConfigDict(
        dict(
            name="adamw", learning_rate=1e-2, schedule="constant", warmup_steps=0,
            final_fraction=0.0, mu_dtype="float32", b1=0.9, b2=0.96, weight_decay=0.01,
            clip_norm=0.0,
        )
        | changes
    )


def kernels(step):
    """Gradients of three layers [3, 128, 160]; one layer spikes at step 2."""
    spike = jnp.array([1.0, 100.0 if step == 2 else 1.0, 0.1])
    return jax.random.normal(jax.random.key(step), (LAYERS, 128, 160)) * spike[:, None, None]


def stacked(x):
    return {"net": {"layers": {"kernel": x}}}


def unrolled(x):
    return {"net": {f"layers_{i}": {"kernel": x[i]} for i in range(LAYERS)}}


@pytest.mark.parametrize("clip", [0.0, 1.0])
@pytest.mark.parametrize("name", ["adamw", "adafactor", "muon"])
def test_stacked_layers_get_the_updates_of_unrolled_ones(name, clip):
    optimizer = optimizers.make(section(name=name, clip_norm=clip), STEPS)
    start = kernels(100) * jnp.array([0.01, 0.1, 1.0])[:, None, None]
    params = [stacked(start), unrolled(start)]
    states = [optimizer.init(p) for p in params]
    for step in range(STEPS):
        grads = [stacked(kernels(step)), unrolled(kernels(step))]
        done = [optimizer.update(g, s, p) for g, s, p in zip(grads, states, params)]
        states = [s for _, s in done]
        params = [optax.apply_updates(p, u) for p, (u, _) in zip(params, done)]
    for i in range(LAYERS):
        np.testing.assert_allclose(
            params[0]["net"]["layers"]["kernel"][i],
            params[1]["net"][f"layers_{i}"]["kernel"],
            rtol=1e-5, atol=1e-6,
        )


def test_optax_adafactor_itself_mixes_the_layers():
    """Why per_layer exists: clipping pools over the stack (fails when optax mends it)."""
    clip = optax.clip_by_block_rms(1.0)
    x = kernels(2)
    whole = clip.update(x, clip.init(x))[0]
    alone = jnp.stack([clip.update(x[i], clip.init(x[i]))[0] for i in range(LAYERS)])
    assert not np.allclose(whole, alone)


def test_adafactor_equals_the_formulas():
    """papers.md 4.6, two steps by hand; the decay at step t is min(0.96, 1 - t^-0.8)."""
    optimizer = optimizers.make(section(name="adafactor", b1=0.0, weight_decay=0.0), STEPS)
    params = {"kernel": jnp.ones((128, 160))}
    state = optimizer.init(params)
    row, column = np.zeros(128), np.zeros(160)
    for t in (1, 2):
        grad = np.asarray(kernels(t)[0], np.float64)
        updates, state = optimizer.update({"kernel": jnp.asarray(grad, jnp.float32)}, state, params)
        decay = min(0.96, 1 - t**-0.8)
        square = grad**2 + 1e-30
        row = decay * row + (1 - decay) * square.mean(1)
        column = decay * column + (1 - decay) * square.mean(0)
        step = grad / np.sqrt(row[:, None] * column[None] / row.mean())
        step /= max(1.0, np.sqrt((step**2).mean()))
        np.testing.assert_allclose(updates["kernel"], -1e-2 * step, rtol=1e-4, atol=1e-6)


def test_muon_updates_are_orthogonal_and_of_the_usual_size():
    optimizer = optimizers.make(section(name="muon", weight_decay=0.0), STEPS)
    params = stacked(kernels(0)) | {"embedding": jnp.ones((50, 8))}
    grads = stacked(kernels(1)) | {"embedding": jnp.ones((50, 8))}
    updates, _ = optimizer.update(grads, optimizer.init(params), params)
    for update in updates["net"]["layers"]["kernel"]:
        values = np.linalg.svd(update, compute_uv=False)
        assert values.max() / values.min() < 2, "Newton-Schulz leaves 0.7 to 1.2"
        rms = np.sqrt(np.mean(np.square(update))) / 1e-2
        assert 0.12 < rms < 0.25
    np.testing.assert_allclose(updates["embedding"], -1e-2, rtol=1e-3)  # Adam's first step


def test_weight_decay_spares_vectors_of_stacks():
    params = {"layers": {"kernel": jnp.ones((2, 4, 4)), "bias": jnp.ones((2, 4))}}
    optimizer = optimizers.make(section(weight_decay=0.5), STEPS)
    zero = jax.tree.map(jnp.zeros_like, params)
    updates, _ = optimizer.update(zero, optimizer.init(params), params)
    assert np.all(updates["layers"]["kernel"] < 0) and not np.any(updates["layers"]["bias"])


def test_a_linear_schedule_is_a_line_from_the_peak_to_its_fraction():
    given = section(schedule="linear", warmup_steps=10, final_fraction=0.2)
    rate = optimizers.schedule(given, 110)
    shares = [float(rate(step)) / given.learning_rate for step in (0, 5, 10, 60, 110)]
    np.testing.assert_allclose(shares, [0, 0.5, 1, 0.6, 0.2], rtol=1e-6)


def test_the_schedule_warms_up_linearly_and_ends_at_its_fraction():
    rate = optimizers.schedule(
        section(schedule="cosine", warmup_steps=10, final_fraction=0.1), 110
    )
    found = [float(rate(t)) for t in (0, 5, 10, 60, 110)]
    np.testing.assert_allclose(found, [0, 5e-3, 1e-2, 5.5e-3, 1e-3], rtol=1e-5)


def test_factored_statistics_lie_as_their_parameter_without_the_dropped_axis():
    mesh = sharding.make_mesh(2, 2, 2)
    params = stacked(kernels(0))
    places = sharding.match(((".*kernel", ("fsdp", "tensor")),), params, mesh)
    state = optimizers.make(section(name="adafactor"), STEPS).init(params)
    found = sharding.match_optimizer(state, params, places)
    specs = {
        sharding.path_of(k).rsplit("/", 1)[-1]: s.spec
        for k, s in jax.tree_util.tree_leaves_with_path(found)
    }
    assert specs["v_row"] == jax.P(None, "fsdp") and specs["v_col"] == jax.P(None, "tensor")
    assert specs["kernel"] == jax.P(None, "fsdp", "tensor"), "momentum"


def test_a_young_average_forgets_faster():
    old, new = {"a": jnp.zeros(())}, {"a": jnp.ones(())}
    assert float(optimizers.ema(old, new, 0.99, 0)["a"]) == pytest.approx(0.9)
    assert float(optimizers.ema(old, new, 0.99, 10_000)["a"]) == pytest.approx(0.01)


@pytest.mark.parametrize("name", ["adamw", "adafactor", "muon"])
def test_the_first_moment_alone_is_kept_in_the_type_that_is_asked_for(name):
    params = stacked(jnp.ones((LAYERS, 128, 160)))
    types = lambda dtype: [leaf.dtype for leaf in jax.tree.leaves(
        optimizers.make(section(name=name, mu_dtype=dtype), STEPS).init(params)
    )]  # fmt: skip
    halves = types("bfloat16").count(jnp.bfloat16)
    assert halves == 1 and types("float32").count(jnp.bfloat16) == 0
