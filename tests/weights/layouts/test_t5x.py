"""T5 as t5x writes it, scanned and not."""

import flax
import numpy as np
import pytest
import tensorstore
from flax import serialization
from safetensors.numpy import load_file, save_file

from data_pipelines.errors import UserError
from itit_jax.weights import load as weights
from tests.weights.networks import abstract, assert_same, t5, t5_params, vq_params, vqgan


def their_names(params, scanned):
    """{t5x's name: array} of a T5 encoder of three heads, spelt out from weights.md 1."""
    flat = {n: np.asarray(a) for n, a in flax.traverse_util.flatten_dict(params, sep="/").items()}
    theirs = {
        "token_embedder/embedding": flat["token_embedding"],
        "encoder/encoder_norm/scale": flat["final_norm/scale"],
    }
    layers = [
        {n.partition("/")[2].partition("/")[2]: a for n, a in flat.items() if f"layers_{i}/" in n}
        for i in range(2)
    ]
    for name in layers[0]:
        told = name.replace("attention_norm", "pre_attention_layer_norm")
        told = told.replace("mlp_norm", "pre_mlp_layer_norm")
        if not scanned:
            theirs |= {f"encoder/layers_{i}/{told}": layers[i][name] for i in range(2)}
            continue
        pair = [layer[name] for layer in layers]
        if name == "attention/out/kernel":
            pair = [a.reshape(3, 5, 12) for a in pair]
        elif name.startswith("attention/"):
            pair = [a.reshape(12, 3, 5) for a in pair]
        theirs[f"encoder/encoder/{told}"] = np.stack(pair, axis=1)
    table = flat["relative_bias"].T
    if scanned:
        theirs["encoder/encoder/relpos_bias/rel_embedding"] = np.stack([table, table], axis=1)
    else:
        theirs["encoder/relpos_bias/rel_embedding"] = table
    return theirs


def write_t5x(folder, arrays, driver="file"):
    """As t5x: zarr arrays of several pieces, small leaves and the optimizer's in the msgpack."""
    folder.mkdir()
    leaves = {}
    for path, array in arrays.items():
        name = f"target.{path.replace('/', '.')}"
        if array.ndim == 1:
            leaves[path] = array
            continue
        chunks = [-(-size // 2) for size in array.shape]
        metadata = {"shape": list(array.shape), "chunks": chunks, "compressor": {"id": "gzip"}}
        store = {"driver": "file", "path": str(folder / name)}
        spec = {"driver": "zarr", "kvstore": store, "metadata": metadata, "dtype": "float32"}
        tensorstore.open(spec, create=True).result().write(array).result()
        # Old files name the place where they were first written.
        spec["kvstore"] = {"driver": driver, "path": f"/cns/old/{name}"}
        leaves[path] = spec
    target = flax.traverse_util.unflatten_dict(leaves, sep="/")
    state = {"step": np.int32(7), "param_states": {"m": {"driver": "zarr", "gone": True}}}
    tree = {"version": 3, "optimizer": {"target": target, "state": state}}
    (folder / "checkpoint").write_bytes(serialization.msgpack_serialize(tree))
    return folder


@pytest.mark.parametrize("driver", ["file", "gfile"])
@pytest.mark.parametrize("scanned", [False, True])
def test_a_checkpoint_of_t5x_is_the_same_model(scanned, driver, tmp_path):
    params = t5_params(t5(scan=False))
    arrays = their_names(params, scanned)
    arrays["decoder/logits_dense/kernel"] = np.ones((12, 23), np.float32)
    folder = write_t5x(tmp_path / "checkpoint_1000000", arrays, driver)
    for path in (folder, folder / "checkpoint"):
        assert_same(params, weights.load(path, abstract(params)))


def test_position_biases_of_every_layer_are_refused(tmp_path):
    params = t5_params(t5(scan=False))
    arrays = their_names(params, scanned=True)
    arrays["encoder/encoder/relpos_bias/rel_embedding"][0, 1, 2] += 1
    with pytest.raises(UserError, match="umT5"):
        weights.load(write_t5x(tmp_path / "x", arrays), abstract(params))


def test_shapes_that_a_layout_does_not_know_are_named(tmp_path):
    name = "encoder/encoder/attention/query/kernel"
    for shape in ((12, 2, 15), (0, 2**40, 3, 5)):
        save_file({name: np.zeros(shape, np.float32)}, tmp_path / "x.safetensors")
        with pytest.raises(UserError, match=r"not \(width, layers, heads, head width\)"):
            weights.read(tmp_path / "x.safetensors")
    weights.save(vq_params(vqgan()), "taming", tmp_path / "y.safetensors")
    tensors = load_file(tmp_path / "y.safetensors")
    tensors["encoder.mid.attn_1.q.weight"] = np.zeros((64, 64), np.float32)
    save_file(tensors, tmp_path / "y.safetensors")
    with pytest.raises(UserError, match=r"attn_1.q.weight of .* has the shape \(64, 64\)"):
        weights.read(tmp_path / "y.safetensors")
