"""FLOPs of a traced program: matrix products and convolutions, bodies of loops multiplied.

The independent truth of the formulas: it knows the program and no network.
"""

import collections
import math

import jax
import numpy as np


def count(function, *arguments, trips=0):
    """FLOPs of function(*arguments), arrays or shapes. trips: rounds of a `while` with products."""
    return by_scope(function, *arguments, trips=trips).total()


def by_scope(function, *arguments, trips=0):
    """The same by the names that jax.named_scope and the gradient gave: Counter {names: FLOPs}."""
    return _walk(jax.make_jaxpr(function)(*arguments).jaxpr, trips, "")


def _walk(jaxpr, trips, scope):
    found = (_equation(equation, trips, scope) for equation in jaxpr.eqns)
    return sum(found, collections.Counter())


def _equation(equation, trips, scope):
    name = equation.primitive.name
    scope = f"{scope}/{equation.source_info.name_stack}"
    if name == "dot_general":
        return collections.Counter({scope: _product(equation)})
    if name == "conv_general_dilated":
        return collections.Counter({scope: _convolution(equation)})
    inner = [_walk(jaxpr, trips, scope) for jaxpr in _jaxprs(equation.params)]
    if name == "cond":
        return max(inner, key=lambda branch: branch.total())
    times = {"scan": equation.params.get("length"), "while": trips}.get(name, 1)
    whole = sum(inner, collections.Counter())
    return collections.Counter({scope: times * flops for scope, flops in whole.items()})


def _jaxprs(params):
    for value in params.values():
        for item in value if isinstance(value, tuple | list) else (value,):
            found = getattr(item, "jaxpr", item)
            if hasattr(found, "eqns"):
                yield found


def _product(equation):
    (contracted, _), _ = equation.params["dimension_numbers"]
    shape = equation.invars[0].aval.shape
    return 2 * equation.outvars[0].aval.size * math.prod(shape[axis] for axis in contracted)


def _convolution(equation):
    """Multiply-adds with real pixels: none with padding, none with the holes of a dilation."""
    params = equation.params
    image, kernel = (v.aval.shape for v in equation.invars)
    out = equation.outvars[0].aval.shape
    numbers = params["dimension_numbers"]
    met = 1
    for axis in range(len(image) - 2):
        met *= _met(
            image[numbers.lhs_spec[2 + axis]], kernel[numbers.rhs_spec[2 + axis]],
            out[numbers.out_spec[2 + axis]], params, axis,
        )  # fmt: skip
    rows, outputs = out[numbers.out_spec[0]], out[numbers.out_spec[1]]
    return 2 * met * rows * outputs * kernel[numbers.rhs_spec[1]]


def _met(image, kernel, out, params, axis):
    """Pairs of (output place, kernel tap) that meet a pixel, along one axis."""
    places = np.arange(out)[:, None] * params["window_strides"][axis]
    places = places + np.arange(kernel) * params["rhs_dilation"][axis] - params["padding"][axis][0]
    hole = params["lhs_dilation"][axis]
    return int(np.sum((places % hole == 0) & (places >= 0) & (places // hole < image)))
