"""What is described is what a start allocates, what a step takes and what the data gives."""

import pathlib
import re

import jax
import numpy as np
import pytest

from data_pipelines.errors import UserError
from itit_jax import config as settings
from itit_jax import distributed, inputs, sharding
from itit_jax.program import describe
from tests import tiny

ROOT = pathlib.Path(__file__).parent.parent
EXPERIMENTS = sorted(
    file.stem for file in (ROOT / "configs").glob("*.py") if "def get_config" in file.read_text()
)
MESH = ("mesh.data=2", "mesh.fsdp=2", "mesh.tensor=2")


def load(name, *overrides):
    return settings.load(f"configs/{name}.py", overrides=overrides)


# The real start of itit_tiny is in test_tiny_configs.py: the step that is compiled for what is
# described takes what was allocated, or refuses it. Here a smaller ITIT.
STARTS = {
    "classifier": lambda: load("classifier_tiny", *MESH, "optimizer.ema_decay=0.9"),
    "towers": lambda: load("towers_tiny", *MESH, "model.scan=true", "model.image.depth=1"),
    "vq": lambda: load("vq_tiny", *MESH, "model.base_channels=8", "model.latent_channels=8"),
    "itit": lambda: tiny.itit_config(
        model__scan=True, optimizer__ema_decay=0.9, data__tokens="encoded", train__steps=10,
        mesh__data=2, mesh__fsdp=2, mesh__tensor=2,
    ),
}  # fmt: skip


def test_rows_that_do_not_divide_over_the_devices_that_are_there_are_one_sentence():
    config = load("classifier_tiny", "data.rows.draw=6")  # mesh.data=-1: only now is it known
    with pytest.raises(UserError, match=r"data.rows.draw is 6, .* over the 8 devices"):
        describe(config)


@pytest.mark.parametrize("name", STARTS)
def test_a_real_start_allocates_what_is_described(name):
    program = describe(STARTS[name]())
    there, described = program.init(seed=0), program.state
    assert jax.tree.structure(there) == jax.tree.structure(described)
    leaves = jax.tree_util.tree_leaves_with_path(there)
    for (place, real), leaf in zip(leaves, jax.tree.leaves(described), strict=True):
        assert (real.shape, real.dtype) == (leaf.shape, leaf.dtype), place
        assert real.sharding.is_equivalent_to(leaf.sharding, real.ndim), place
        assert real.addressable_shards[0].data.shape == leaf.sharding.shard_shape(leaf.shape)
    if name == "itit":
        kernel = there.params["model"]["encoder"]["layers"]["attention"]["query"]["kernel"]
        assert kernel.sharding.spec == jax.P(None, "fsdp", "tensor")
        assert kernel.addressable_shards[0].data.shape == (1, 8, 8)


def test_a_compiled_step_moves_nothing_between_host_and_devices():
    program = describe(STARTS["classifier"]())
    state, step = program.init(seed=0), program.lower().compile()
    rows = sharding.batch_sharding(program.mesh)
    zeros = lambda leaf: np.zeros(leaf.shape, leaf.dtype)
    batch = distributed.to_global(jax.tree.map(zeros, program.batch), rows)
    for _ in range(2):
        with jax.transfer_guard("disallow"):
            state, metrics = step(state, {}, batch)
    assert int(state.step) == 2 and np.isfinite(metrics["loss"])


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_is_described_without_allocating(name):
    before = len(jax.live_arrays())
    program = describe(load(name, *MESH))
    arrays = jax.tree.leaves((program.state, program.frozen, program.batch))
    assert all(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in arrays)
    assert len(jax.live_arrays()) <= before + 1  # the key of an initialiser
    # The golden tables were written by a person's command and say how many are trained.
    golden = (ROOT / "tests" / "golden" / f"{name}.txt").read_text()
    trained = int(re.search(r"([\d,]+) trained parameters", golden)[1].replace(",", ""))
    assert sum(leaf.size for leaf in jax.tree.leaves(program.state.params)) == trained
    assert sum(leaf.sharding.num_devices for leaf in arrays) == 8 * len(arrays)


@pytest.mark.parametrize("name", ["classifier_tiny", "towers_tiny", "vq_tiny"])
def test_the_step_takes_what_is_described_and_gives_a_state_like_it(name):
    program = describe(load(name, *MESH))
    with jax.set_mesh(program.mesh):
        state, metrics = jax.eval_shape(
            program.train_step, program.state, program.frozen, program.batch
        )
    assert jax.tree.map(lambda x: (x.shape, x.dtype), state) == jax.tree.map(
        lambda x: (x.shape, x.dtype), program.state
    )
    assert all(metric.shape == () for metric in metrics.values())


def shapes(batch):
    return {
        stream: {name: (array.shape, array.dtype) for name, array in arrays.items()}
        for stream, arrays in batch.items()
    }


@pytest.mark.parametrize("name", ["classifier_tiny", "towers_tiny", "vq_tiny", "itit_tiny"])
def test_the_data_gives_the_batch_that_is_described(name, easy):
    # A set of 60 pairs, 200 lone pictures and texts.
    fits = [f"data.{name}=0" for name in ("pairs", "lone_images", "lone_texts")]
    config = load(name, f"data.path={easy}", *fits)
    program = describe(config)
    opened = inputs.open_streams(config, program.recipe, host=0, hosts=1)
    step, batch = next(inputs.read_streams(config, opened, program.recipe, step=3))
    assert step == 3 and shapes(batch) == shapes(program.batch)


def test_an_encoded_data_set_gives_tokens_and_no_pixels():
    batch = shapes(describe(load("itit_tiny", "data.tokens=encoded")).batch)
    rows = load("itit_tiny").data.rows
    for stream in ("draw", "caption", "images"):
        assert "image" not in batch[stream]
        assert batch[stream]["tokens"] == ((rows[stream], 16), "int32")  # 32 pixels in patches of 8
    assert batch["texts"].keys() == {"text"}
