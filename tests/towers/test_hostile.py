"""Tensors of hostile shapes make no towers: one sentence, at once."""

import pathlib
import shutil
import time

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from data_pipelines.errors import UserError
from itit_jax.towers import published as towers
from itit_jax.weights import load as weights

GOLDEN = pathlib.Path(__file__).parents[1] / "weights" / "golden"
SCANNED = "params/img/Transformer/encoderblock"
BLOCK = "params/txt/Encoder_0/encoderblock_0"


@pytest.mark.parametrize(
    "shapes",
    [
        {f"{SCANNED}/LayerNorm_0/scale": (60_000, 0)},
        {f"{SCANNED}/LayerNorm_0/scale": (2**40, 0)},
        {f"{SCANNED}/LayerNorm_0/scale": ()},
        {"encoder/encoder/attention/query/kernel": (1, 60_000, 0, 0)},
        {f"{BLOCK}/LayerNorm_0/scale": ()},
    ],
)
def test_tensors_of_hostile_shapes_make_no_towers(shapes, tmp_path):
    np.savez(tmp_path / "x.npz", **{n: np.empty(s, np.float32) for n, s in shapes.items()})
    start = time.perf_counter()
    with pytest.raises(UserError) as error:
        weights.read(tmp_path / "x.npz") and towers.describe(tmp_path / "x.npz")
    assert len(str(error.value).splitlines()) == 1
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("wrapper", ["", "module."])
@pytest.mark.parametrize("bias", [None, (), (4,), (0, 4), (1, 4)])
def test_a_tower_without_heads_is_one_sentence(wrapper, bias, tmp_path):
    shapes = {
        "params/txt/Embed_0/embedding": (5, 4),
        "params/txt/pos_embedding": (1, 3, 4),
        f"{BLOCK}/LayerNorm_0/scale": (4,),
        f"{BLOCK}/MlpBlock_0/Dense_0/kernel": (4, 8),
    }
    if bias is not None:
        shapes[f"{BLOCK}/MultiHeadDotProductAttention_0/query/bias"] = bias
    arrays = {wrapper + n: np.ones(s, np.float32) for n, s in shapes.items()}
    np.savez(tmp_path / "x.npz", **arrays)
    if bias == (1, 4):
        assert towers.describe(tmp_path / "x.npz")[1].text.heads == 1
        return
    with pytest.raises(UserError) as error:
        towers.describe(tmp_path / "x.npz")
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("shape", [(), (4,), (0, 4), (4, 0), (2, 3, 4)])
@pytest.mark.parametrize(
    "name", ["visual_projection.weight", "vision_model.embeddings.position_embedding.weight"]
)
def test_a_tower_of_hostile_shapes_is_one_sentence(name, shape, tmp_path):
    golden = GOLDEN / "clip_small"
    shutil.copy(golden / "config.json", tmp_path)
    tensors = load_file(golden / "model.safetensors") | {name: np.ones(shape, np.float32)}
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(UserError) as error:
        towers.load_towers(tmp_path)
    assert len(str(error.value).splitlines()) == 1
