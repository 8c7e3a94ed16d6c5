"""Products of rows with a kernel whose gradient is as fast as they are themselves."""

import jax
import jax.numpy as jnp

PLAIN = (((1,), (0,)), ((), ()))  # rows [m, d] with a kernel [d, e]


def dot_general(rows, kernel, dimensions, precision=None, **more):
    """That of nn.Dense: rows [m, d] and kernel [d, e] -> [m, e]."""
    if dimensions != PLAIN or precision is not None or more:
        return jax.lax.dot_general(rows, kernel, dimensions, precision, **more)
    return _product(rows, kernel)


@jax.custom_vjp
def _product(rows, kernel):
    return rows @ kernel


def _forward(rows, kernel):
    kept = rows.value if kernel.perturbed else None, kernel.value if rows.perturbed else None
    return rows.value @ kernel.value, kept


def _backward(kept, gradient):
    """Nothing for what is frozen."""
    rows, kernel = kept
    return (
        None if kernel is None else gradient @ kernel.T,
        None if rows is None else _turned(rows) @ gradient,
    )


_product.defvjp(_forward, _backward, symbolic_zeros=True)


def _turned(rows):
    """[m, d] -> [d, m]. On a CPU a copy: XLA's product over the first axis of both takes up to
    twice the time of one over the last axis of the first."""
    copied = lambda x: jax.lax.optimization_barrier(x.T)
    return jax.lax.platform_dependent(rows, cpu=copied, default=jnp.transpose)
