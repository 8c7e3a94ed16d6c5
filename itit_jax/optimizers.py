"""Optimizers over parameters whose layers are stacked: AdamW, Adafactor and Muon.

Statistics that optax pools over a whole leaf (RMS clipping, factored moments, the matrix that
Muon orthogonalises) would mix the layers of a scanned stack. Here every transformation sees one
layer at a time, so that a stack trains as its unrolled layers do.
"""

import jax
import jax.numpy as jnp
import optax

from itit_jax.sharding import path_of

MIN_FACTORED = 128  # Adafactor keeps full statistics of smaller matrices, as T5 does


def schedule(section, steps):
    """Learning rate of every step: linear warm-up, then cosine, linear or constant."""
    peak, left = section.learning_rate, max(steps - section.warmup_steps, 1)
    warmup = optax.linear_schedule(0.0, peak, max(section.warmup_steps, 1))
    rest = {
        "constant": optax.constant_schedule(peak),
        "linear": optax.linear_schedule(peak, peak * section.final_fraction, left),
        "cosine": optax.cosine_decay_schedule(peak, left, section.final_fraction),
    }[section.schedule]
    return optax.join_schedules([warmup, rest], [section.warmup_steps])


def make(section, steps):
    """optax transformation of the `optimizer` section of a config."""
    rate = schedule(section, steps)
    rules = {"adamw": _adam, "adafactor": _adafactor, "muon": _muon}
    decay = optax.add_decayed_weights(section.weight_decay, mask=_matrices)
    return optax.chain(
        optax.clip_by_global_norm(section.clip_norm) if section.clip_norm else optax.identity(),
        rules[section.name](section),
        decay if section.weight_decay else optax.identity(),
        optax.scale_by_learning_rate(rate),
    )


def is_stacked(path):
    """Whether the leaf holds one slice a layer: scanned stacks lie under "layers"."""
    return "/layers/" in f"/{path}"


def unstacked_rank(path, leaf):
    """Dimensions of the leaf without its layer axis."""
    return leaf.ndim - is_stacked(path)


def _matrices(params):
    decide = lambda keys, leaf: unstacked_rank(path_of(keys), leaf) >= 2
    return jax.tree_util.tree_map_with_path(decide, params)


def _adam(section):
    return optax.scale_by_adam(section.b1, section.b2, mu_dtype=section.mu_dtype)


def _adafactor(section):
    """Factored second moment with decay min(b2, 1 - t^-0.8), clipped per layer, momentum b1.

    The step is absolute: the learning rate is not scaled by the parameter's RMS (papers.md 4.6).
    """
    factored = optax.chain(
        optax.scale_by_factored_rms(
            decay_rate=section.b2,
            decay_rate_fn=lambda step, cap: jnp.minimum(cap, 1.0 - (step + 1.0) ** -0.8),
            min_dim_size_to_factor=MIN_FACTORED,
        ),
        optax.clip_by_block_rms(1.0),
    )
    momentum = optax.ema(section.b1, debias=False, accumulator_dtype=section.mu_dtype)
    return optax.chain(per_layer(factored), momentum)


def _muon(section):
    """Orthogonalised momentum for the matrices inside blocks, AdamW's step for everything else.

    The update is scaled to AdamW's usual RMS of 0.2, so that one learning rate serves both.
    """

    def labels(params):
        inside = lambda keys: any(part.startswith("layers") for part in path_of(keys).split("/"))
        matrix = lambda keys, leaf: inside(keys) and unstacked_rank(path_of(keys), leaf) == 2
        label = lambda keys, leaf: "muon" if matrix(keys, leaf) else "adam"
        return jax.tree_util.tree_map_with_path(label, params)

    def axes(params):
        first = lambda keys: int(is_stacked(path_of(keys)))
        numbers = lambda keys, _: optax.contrib.MuonDimensionNumbers(first(keys), first(keys) + 1)
        return jax.tree_util.tree_map_with_path(numbers, params)

    muon = optax.chain(
        optax.contrib.scale_by_muon(
            beta=0.95, mu_dtype=section.mu_dtype, weight_dimension_numbers=axes
        ),
        scale_to_rms(0.2),
    )
    return optax.multi_transform({"muon": muon, "adam": _adam(section)}, labels)


def scale_to_rms(rms):
    """Orthogonal updates [..., in, out] times rms * sqrt(max(in, out)): their RMS is `rms`."""
    return optax.stateless_with_tree_map(
        lambda update, _: update * rms * jnp.sqrt(1.0 * max(update.shape[-2:]))
    )


def per_layer(transform):
    """`transform` applied to every leaf alone, and to a stacked leaf one layer at a time."""

    def init(params):
        start = lambda keys, leaf: _lift(transform.init, keys)(leaf)
        return jax.tree_util.tree_map_with_path(start, params)

    def update(updates, state, params=None):
        paths = jax.tree_util.tree_leaves_with_path(updates)
        tree = jax.tree.structure(updates)
        states = tree.flatten_up_to(state)
        values = [None] * len(states) if params is None else tree.flatten_up_to(params)
        done = [
            _lift(transform.update, keys)(leaf, mine, value)
            for (keys, leaf), mine, value in zip(paths, states, values)
        ]
        return tuple(tree.unflatten(part) for part in zip(*done))

    return optax.GradientTransformation(init, update)


def _lift(function, keys):
    return jax.vmap(function) if is_stacked(path_of(keys)) else function


def ema(old, new, decay, step):
    """Average of the parameters; young averages forget faster: min(decay, (1+t) / (10+t))."""
    decay = jnp.minimum(decay, (1.0 + step) / (10.0 + step))
    return jax.tree.map(lambda a, b: decay * a + (1.0 - decay) * b, old, new)
