"""GPT-2's names: there and back, and what lies where in the joined matrix."""

import jax
import numpy as np

from itit_jax.models.gpt2 import GPT2
from itit_jax.weights import load as weights
from tests import tiny

NETWORK = GPT2(8, 2, 2, 32, 11, 7)


def parameters():
    prefix, words = np.zeros((1, 2, 8), np.float32), np.zeros((1, 5), np.int32)
    return tiny.filled(jax.eval_shape(NETWORK.init, jax.random.key(0), prefix, words)["params"])


def test_what_is_written_in_hugging_faces_names_reads_back_as_it_was(tmp_path):
    file, params = tmp_path / "model.safetensors", parameters()
    weights.save(params, "gpt2", file)
    place = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    described = lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place)
    again = weights.load(file, jax.tree.map(described, params))
    jax.tree.map(np.testing.assert_array_equal, again, params)


def test_query_key_and_value_stand_side_by_side(tmp_path):
    from safetensors.numpy import load_file

    file, params = tmp_path / "model.safetensors", parameters()
    weights.save(params, "gpt2", file)
    tensors = load_file(file)
    attention = params["blocks"]["layers"]["attention"]
    joined = [attention[name]["kernel"][1] for name in ("query", "key", "value")]
    np.testing.assert_array_equal(tensors["h.1.attn.c_attn.weight"], np.concatenate(joined, 1))
    assert tensors["h.1.mlp.c_fc.weight"].shape == (8, 32)  # (in, out), unlike torch's linear maps
