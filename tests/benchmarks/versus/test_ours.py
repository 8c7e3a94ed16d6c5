"""Our sides are what the recipe is now."""

import functools
import types

import jax

from benchmarks.versus import ours

SMALLEST = dict(width=8, layers=4, heads=2, side=2, codes=5, words=3, features=8, vocabulary=7)


def test_our_sides_can_be_traced(monkeypatch):
    traced = lambda function, **_: functools.partial(jax.eval_shape, function)
    monkeypatch.setattr(jax, "jit", traced)
    size = types.SimpleNamespace(**SMALLEST, caption=2, rounds=2)
    for name in ("draw", "caption", "encode", "train"):
        call, parameters = getattr(ours, name)(size, batch=2)
        call()
        assert parameters > 8 * 8
