"""Layouts beside those of torch: MaskGIT in Flax and torch, t5x folders, diffusers pipelines."""

import functools
import json

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tensorstore
from flax import serialization
from safetensors.numpy import load_file, save_file

from data_pipelines.errors import UserError
from itit_jax.models.maskgit_vqgan import MaskGITVQGAN
from itit_jax.models.vqgan import VQGAN
from itit_jax.weights import convert, flax_files
from itit_jax.weights import load as weights
from itit_jax.weights.files import FILE, read_tensors
from tests.weights import maskgit_flax
from tests.weights.test_weights import (
    abstract,
    assert_same,
    random_params,
    t5,
    t5_params,
    vq_params,
    vqgan,
)

SIZES = dict(base=8, multipliers=(1, 2, 2), codes=9)


def maskgit_params(blocks=2):
    model = MaskGITVQGAN(
        **SIZES, res_blocks=blocks, attention_resolutions=(), latent_channels=4, code_width=4
    )
    return model, vq_params(model)


MODELS = {
    "maskgit": lambda: maskgit_params()[1],
    "open_muse": lambda: maskgit_params()[1],
    "t5x": lambda: t5_params(t5(scan=False)),
    "t5x of a stack": lambda: t5_params(t5()),
    "t5x_scanned": lambda: t5_params(t5(scan=False)),
    "t5x_scanned of a stack": lambda: t5_params(t5()),
}


@pytest.mark.parametrize("case", MODELS)
def test_out_and_in_and_out_again_is_bit_identical(case, tmp_path):
    params, kind = MODELS[case](), case.split()[0]
    one, two = (tmp_path / name for name in ("one", "two"))
    for folder, tree in ((one, params), (two, None)):
        tree = weights.load(one, abstract(params)) if tree is None else tree
        assert_same(params, tree)
        if file := FILE[weights.container(kind)]:
            folder.mkdir()
            folder = folder / file
        weights.save(tree, kind, folder)
    assert weights.read(one)[0] == kind
    first, second = (read_tensors(folder) for folder in (one, two))
    assert first.keys() == second.keys()
    assert all(first[n].read().tobytes() == second[n].read().tobytes() for n in first)


# ---- MaskGIT --------------------------------------------------------------------------------


@pytest.mark.parametrize("blocks", [1, 2])
def test_a_flax_program_of_maskgit_gives_its_outputs_through_our_network(blocks, tmp_path):
    """Its names are counted by Flax itself, its pixels are in [0, 1]."""
    theirs = maskgit_flax.VQVAE(**SIZES, blocks=blocks, width=4)
    pixels = jax.random.uniform(jax.random.key(0), (2, 16, 16, 3))
    ids = jax.random.randint(jax.random.key(1), (2, 4, 4), 0, 9)
    variables = {"params": random_params(theirs, pixels, ids)}
    file = tmp_path / "tokenizer_imagenet256_checkpoint"  # no suffix, as theirs
    file.write_bytes(serialization.to_bytes(variables))
    latents, decoded = jax.jit(theirs.apply)(variables, pixels, ids)

    ours, like = maskgit_params(blocks)
    loaded = {"params": weights.load(file, abstract(like))}
    found = applied(ours, "latents", loaded, pixels * 2 - 1)
    np.testing.assert_allclose(found, latents, rtol=1e-4, atol=1e-4 * np.abs(latents).max())
    found = applied(ours, "decode", loaded, ids.reshape(2, -1))
    np.testing.assert_allclose((found + 1) / 2, decoded, atol=1e-4 * np.abs(decoded).max())


@pytest.mark.parametrize("half", ["encoder", "decoder"])
def test_half_a_tokenizer_is_refused(half, tmp_path):
    params = maskgit_params()[1]
    weights.save(params, "maskgit", tmp_path / "x.msgpack")
    held = {n: t.read() for n, t in read_tensors(tmp_path / "x.msgpack").items()}
    flax_files.write({n: a for n, a in held.items() if half in n}, tmp_path / "half.msgpack")
    with pytest.raises(UserError, match="lacks 'decoder/conv_in/bias' and"):
        weights.load(tmp_path / "half.msgpack", abstract(params))


def test_arrays_that_flax_cuts_into_chunks_are_whole_again(tmp_path, monkeypatch):
    array = np.arange(30, dtype=np.float32).reshape(5, 6)
    monkeypatch.setattr(serialization, "MAX_CHUNK_SIZE", 28)
    data = serialization.to_bytes({"a": {"w": array}, "b": array[0]})
    assert b"__msgpack_chunked_array__" in data
    (tmp_path / "x.msgpack").write_bytes(data)
    found = read_tensors(tmp_path / "x.msgpack")
    np.testing.assert_array_equal(found["a/w"].read(), array)
    np.testing.assert_array_equal(found["b"].read(), array[0])


def test_pixels_in_0_to_1_inside_are_those_of_minus_1_to_1_outside():
    """aMUSEd's VQModel is taming's network on other pixels."""
    signed = VQGAN(
        base=8, multipliers=(1, 1), res_blocks=1, attention_resolutions=(), latent_channels=4,
        codes=7, code_width=4,
    )  # fmt: skip
    unit, variables = signed.clone(unit_pixels=True), {"params": vq_params(signed)}
    x = jax.random.uniform(jax.random.key(0), (2, 8, 8, 3), minval=-1)
    inner = applied(signed, "latents", variables, (x + 1) / 2)
    np.testing.assert_allclose(applied(unit, "latents", variables, x), inner, atol=1e-4)
    ids = jnp.arange(16).reshape(1, 16) % 7
    inner = applied(signed, "decode", variables, ids)
    found = applied(unit, "decode", variables, ids)
    np.testing.assert_allclose(found, 2 * inner - 1, rtol=1e-4, atol=1e-4)


def applied(model, method, variables, x):
    return jax.jit(functools.partial(model.apply, method=method))(variables, x)


# ---- t5x ------------------------------------------------------------------------------------


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


# ---- folders of pipelines -------------------------------------------------------------------


@pytest.fixture
def pipeline(tmp_path):
    """An aMUSEd-like folder with a T5 in it, and the parameters of its two parts."""
    folder = tmp_path / "pipeline"
    parts = {"vqvae": vq_params(vqgan(())), "text_encoder": t5_params(t5(scan=False))}
    names = {"vqvae": "diffusion_pytorch_model", "text_encoder": "model.fp16"}
    for name, kind in (("vqvae", "diffusers_vq"), ("text_encoder", "t5")):
        (folder / name).mkdir(parents=True)
        weights.save(parts[name], kind, folder / name / f"{names[name]}.safetensors")
    (folder / "tokenizer").mkdir()  # of words
    (folder / "tokenizer" / "vocab.json").write_text("{}")
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "AmusedPipeline"}))
    return folder, parts


def test_a_pipeline_gives_the_part_that_is_asked_for(pipeline):
    folder, parts = pipeline
    for name, theirs in (("tokenizer", "vqvae"), ("text_encoder", "text_encoder")):
        assert_same(parts[theirs], weights.load(folder, abstract(parts[theirs]), part=name))


def test_a_pipeline_that_leaves_a_choice_is_one_sentence(pipeline, capsys):
    folder, parts = pipeline
    assert convert.main([str(folder), f"--out={folder / 'out'}"]) == 2
    assert "holds the weights of text_encoder, vqvae; name one" in capsys.readouterr().err
    save_file({"w": np.ones(2, np.float32)}, folder / "model.safetensors")
    with pytest.raises(UserError, match="model.safetensors and vqvae/; name the one"):
        weights.load(folder, abstract(parts["vqvae"]), part="tokenizer")


# ---- the command ----------------------------------------------------------------------------


def test_convert_goes_from_layout_to_layout_and_prints_sizes(tmp_path, capsys):
    _, params = maskgit_params()
    weights.save(params, "maskgit", tmp_path / "x.msgpack")
    torch, flax_again = tmp_path / "torch", tmp_path / "flax"
    assert convert.main([f"{tmp_path}/x.msgpack", f"--out={torch}", "--layout=open_muse"]) == 0
    assert convert.main([str(torch), f"--out={flax_again}", "--layout=maskgit"]) == 0
    printed = capsys.readouterr().out
    for words in ('"model.layout": "maskgit"', '"model.res_blocks": 2', '"model.codes": 9'):
        assert printed.count(words) == 2
    assert (tmp_path / "x.msgpack").read_bytes() == (flax_again / "model.msgpack").read_bytes()
    with pytest.raises(SystemExit) as stopped:
        convert.main([str(torch), f"--out={flax_again}", "--layout=masgit"])
    assert stopped.value.code == 2
    assert convert.main([str(torch), f"--out={tmp_path / 'no'}", "--layout=t5"]) == 2
    assert "the layout t5 has no place for" in capsys.readouterr().err


def test_convert_writes_a_t5x_folder_only_where_nothing_is(tmp_path, capsys):
    params = t5_params(t5(scan=False))
    weights.save(params, "t5", tmp_path / "x.safetensors")
    command = [str(tmp_path / "x.safetensors"), f"--out={tmp_path / 'out'}", "--layout=t5x_scanned"]
    assert convert.main(command) == 0
    assert_same(params, weights.load(tmp_path / "out", abstract(params)))
    assert convert.main(command) == 2
    assert "is not an empty folder" in capsys.readouterr().err
