"""Collectives in programs of this compiler, whose number is known by construction."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from itit_jax.planner.collectives import BETWEEN_SLICES, collectives

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


def test_a_sum_goes_round_the_ring_twice():
    found = collectives(compiled(summed, PartitionSpec("x")))
    assert found == {"all-reduce": {"count": 1, "bytes": 2 * 7 / 8 * 64 * 4}}


def test_the_rounds_of_a_loop_count_each():
    def loop(x):
        again = lambda total, _: (jnp.sin(total + summed(x * total[:1])), None)
        return jax.lax.scan(again, jnp.ones((1, 64)), None, length=5)[0]

    def loops(x):
        again = lambda total, _: (loop(x * total[:1]), None)
        return jax.lax.scan(again, jnp.ones((1, 64)), None, length=3)[0]

    for function, rounds in ((loop, 5), (loops, 15)):
        found = collectives(compiled(function, PartitionSpec("x")))
        assert found["all-reduce"] == {"count": rounds, "bytes": rounds * 2 * 7 / 8 * 64 * 4}


def test_a_gathered_array_sends_all_but_what_was_here():
    found = collectives(
        compiled(
            lambda x: jax.lax.with_sharding_constraint(x, NamedSharding(MESH, PartitionSpec())),
            PartitionSpec("x"),
        )  # fmt: skip
    )
    assert found == {"all-gather": {"count": 1, "bytes": 7 * 64 * 4}}


def test_a_smaller_ring_sends_less():
    mesh = Mesh(np.array(jax.devices()).reshape(4, 2), ("x", "y"))
    mapped = jax.shard_map(
        lambda part: jax.lax.psum(part, "y"), mesh=mesh, in_specs=PartitionSpec(("x", "y")),
        out_specs=PartitionSpec("x"),
    )  # fmt: skip
    given = jax.ShapeDtypeStruct((8, 64), jnp.float32)
    found = collectives(jax.jit(mapped).lower(given).compile().as_text())
    assert found == {"all-reduce": {"count": 1, "bytes": 2 * 1 / 2 * 64 * 4}}


def test_parts_of_one_collective_that_is_under_way_count_once():
    text = """
HloModule jit_f, num_partitions=16

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
    assert collectives(text) == {"all-gather": {"count": 1, "bytes": 15 * 4 * 2}}


def test_what_goes_to_other_slices_is_told_apart():
    """As libtpu writes a sum over two slices of 16 chips, four of which share each part of it."""
    text = """
HloModule jit_f, num_partitions=32

%all-reduce-scatter (input: bf16[512,8]) -> bf16[128,8] {
  %all-reduce.10 = bf16[512,8]{1,0} all-reduce(%input), channel_id=6, replica_groups=[4,4]<=[16]
  ROOT %slice = bf16[128,8]{1,0} dynamic-slice(%all-reduce.10), dynamic_slice_sizes={128,8}
}

ENTRY %main (input: bf16[512,8]) -> bf16[512,8] {
  %part = bf16[128,8]{1,0} fusion(%input), kind=kCustom, calls=%all-reduce-scatter
  %send = (bf16[128,8]{1,0}, u32[], token[]) send(%part, %after-all), channel_id=7, \
is_host_transfer=true, frontend_attributes={_xla_host_transfer_handler_name="xla_megascale_runtime"}
  %recv = (bf16[128,8]{1,0}, u32[], token[]) recv(%after-all), channel_id=8
  %done = (bf16[128,8]{1,0}, token[]) recv-done(%recv), channel_id=8
  ROOT %all-gather = bf16[512,8]{1,0} all-gather(%sum), channel_id=7, replica_groups={{0,4,8,12}}
}
"""
    part = 128 * 8 * 2
    assert collectives(text) == {
        "all-gather": {"count": 1, "bytes": 3 * part},
        "reduce-scatter": {"count": 1, "bytes": 3 * part},
        BETWEEN_SLICES: {"count": 1, "bytes": part},
    }
