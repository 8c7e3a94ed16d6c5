"""Collectives in programs of this compiler, whose number is known by construction."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from itit_jax.planner.collectives import collectives

MESH = Mesh(np.array(jax.devices()).reshape(8), ("x",))


def compiled(function, *specs, shape=(8, 64)):
    """Text of a program over eight devices, whose arguments lie as told."""
    given = [jax.ShapeDtypeStruct(shape, jnp.float32, sharding=NamedSharding(MESH, spec))
             for spec in specs]  # fmt: skip
    return jax.jit(function).lower(*given).compile().as_text()


def summed(x):
    """Every device gets the sum of what all have."""
    mapped = jax.shard_map(
        lambda part: jax.lax.psum(part, "x"), mesh=MESH, in_specs=PartitionSpec("x"),
        out_specs=PartitionSpec(),
    )  # fmt: skip
    return mapped(x)


def test_what_stays_where_it_lies_sends_nothing():
    assert collectives(compiled(lambda x: x * 2, PartitionSpec("x"))) == {}


def test_a_sum_is_received_as_large_as_it_is():
    found = collectives(compiled(summed, PartitionSpec("x")))
    assert found == {"all-reduce": {"count": 1, "bytes": 64 * 4}}


def test_the_rounds_of_a_loop_count_each():
    def loop(x):
        again = lambda total, _: (jnp.sin(total + summed(x * total[:1])), None)
        return jax.lax.scan(again, jnp.ones((1, 64)), None, length=5)[0]

    def loops(x):
        again = lambda total, _: (loop(x * total[:1]), None)
        return jax.lax.scan(again, jnp.ones((1, 64)), None, length=3)[0]

    for function, rounds in ((loop, 5), (loops, 15)):
        found = collectives(compiled(function, PartitionSpec("x")))
        assert found["all-reduce"] == {"count": rounds, "bytes": rounds * 64 * 4}


def test_a_gathered_array_counts_with_its_whole_size():
    found = collectives(
        compiled(
            lambda x: jax.lax.with_sharding_constraint(x, NamedSharding(MESH, PartitionSpec())),
            PartitionSpec("x"),
        )  # fmt: skip
    )
    assert found == {"all-gather": {"count": 1, "bytes": 8 * 64 * 4}}


def test_parts_of_one_collective_that_is_under_way_count_once():
    text = """
%start (p: bf16[1,4]) -> (bf16[1,4], bf16[16,4]) {
  %all-gather.1 = bf16[16,4]{1,0} all-gather(%p), channel_id=7, dimensions={0}
}

%done (p: bf16[1,4]) -> bf16[16,4] {
  ROOT %all-gather.2 = bf16[16,4]{1,0} all-gather(%p), channel_id=7, dimensions={0}
}

ENTRY %main (p: bf16[1,4]) -> bf16[16,4] {
  %a = (bf16[1,4], bf16[16,4]) fusion(%p), kind=kCustom, calls=%start
  ROOT %b = bf16[16,4]{1,0} fusion(%a), kind=kCustom, calls=%done
}
"""
    assert collectives(text) == {"all-gather": {"count": 1, "bytes": 16 * 4 * 2}}
