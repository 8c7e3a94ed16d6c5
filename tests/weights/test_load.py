"""Published weights: both ways without loss, every key accounted for, equal to the references."""

import json
import pathlib

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from benchmarks.hostile import torch_zip
from data_pipelines.errors import UserError
from itit_jax.models.inception import Inception
from itit_jax.weights import convert
from itit_jax.weights import load as weights
from itit_jax.weights.containers.find import FILE, read_tensors
from tests.weights import parity, seeded
from tests.weights.networks import (
    abstract,
    assert_same,
    maskgit_params,
    t5,
    t5_params,
    vq_params,
    vqgan,
)

GOLDEN = pathlib.Path(__file__).parent / "golden"


MODELS = {
    "t5": lambda: t5_params(t5(scan=False)),
    "t5 scanned": lambda: t5_params(t5()),
    "taming": lambda: vq_params(vqgan()),
    "diffusers_vq": lambda: vq_params(vqgan()),
    "diffusers_vq without attention": lambda: vq_params(vqgan(())),
    "itit_jax": lambda: vq_params(vqgan()),
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


def test_stacked_and_unrolled_layers_are_one_file(tmp_path):
    params = t5_params(t5(scan=False))
    weights.save(params, "t5", tmp_path / "x.safetensors")
    scanned = weights.load(tmp_path / "x.safetensors", abstract(t5_params(t5())))
    words = jnp.array([[3, 4, 5, 1, 0]])
    run = lambda scan, p: t5(scan).apply({"params": p}, words, words > 0)
    np.testing.assert_allclose(run(True, scanned), run(False, params), atol=1e-5)


@pytest.mark.parametrize("name", parity.names(GOLDEN))
def test_our_networks_give_the_outputs_of_the_reference_libraries(name):
    found = parity.differences(GOLDEN, name)
    assert found and parity.agrees(found), found


@pytest.mark.parametrize("place", [0, 1])
def test_features_that_are_no_numbers_agree_with_nothing(place):
    values = [0.0, 0.0]
    assert parity.agrees(dict(zip("ab", values)))
    values[place] = float("nan")
    assert not parity.agrees(dict(zip("ab", values)))


def test_taming_and_diffusers_names_are_the_same_model(tmp_path):
    params = vq_params(vqgan())
    for kind in ("taming", "diffusers_vq"):
        weights.save(params, kind, tmp_path / f"{kind}.safetensors")
    one, two = (load_file(tmp_path / f"{k}.safetensors") for k in ("taming", "diffusers_vq"))
    # taming counts up-levels from the finest, diffusers from the coarsest.
    np.testing.assert_array_equal(
        one["decoder.up.0.block.0.conv1.weight"],
        two["decoder.up_blocks.1.resnets.0.conv1.weight"],
    )
    assert one["encoder.mid.attn_1.q.weight"].shape == (64, 64, 1, 1)
    assert two["encoder.mid_block.attentions.0.to_q.weight"].shape == (64, 64)


@pytest.mark.parametrize("wrapper", ["", "first_stage_model."])
def test_a_checkpoint_of_taming_is_read_past_its_losses_and_callbacks(wrapper, tmp_path):
    params = vq_params(vqgan())
    weights.save(params, "taming", tmp_path / "x.safetensors")
    tensors = {wrapper + n: a for n, a in load_file(tmp_path / "x.safetensors").items()}
    tensors["loss.discriminator.main.0.weight"] = np.ones((4, 3), np.float32)
    callback = torch_zip.call(torch_zip.name("pytorch_lightning.callbacks", "ModelCheckpoint"))
    rest = {"epoch": torch_zip.number(3), "callbacks": callback}
    wrap = lambda entries: torch_zip.table({"state_dict": entries, **rest})
    torch_zip.save(tmp_path / "last.ckpt", tensors, wrap)
    assert_same(params, weights.load(tmp_path / "last.ckpt", abstract(params)))


def test_inception_is_written_under_the_names_of_pytorch_fid_and_its_counters_passed_over(tmp_path):
    shapes = json.loads((GOLDEN / "inception_tensors.json").read_text())
    tensors = seeded.tensors(shapes, 0)
    save_file(tensors, tmp_path / "x.safetensors")
    pixels = jax.ShapeDtypeStruct((1, 299, 299, 3), jnp.float32)
    wanted = abstract(jax.eval_shape(Inception().init, jax.random.key(0), pixels)["params"])
    weights.save(weights.load(tmp_path / "x.safetensors", wanted), "inception", tmp_path / "y")
    back = load_file(tmp_path / "y")
    learned = {n for n in shapes if not n.endswith("num_batches_tracked")}
    assert back.keys() == learned and len(learned) == 5 * 94 + 2
    assert all(np.array_equal(back[n], tensors[n]) for n in learned)


def test_half_precision_is_read_and_cast(tmp_path):
    params = t5_params(t5(scan=False))
    weights.save(params, "t5", tmp_path / "x.safetensors")
    for dtype in (ml_dtypes.bfloat16, np.float16):
        half = {n: a.astype(dtype) for n, a in load_file(tmp_path / "x.safetensors").items()}
        save_file(half, tmp_path / "half.safetensors")
        back = weights.load(tmp_path / "half.safetensors", abstract(params))
        rounded = jax.tree.map(lambda x, d=dtype: np.asarray(x, d).astype(np.float32), params)
        assert_same(rounded, back)


def test_a_whole_t5_gives_its_encoder(tmp_path):
    params = t5_params(t5(scan=False))
    weights.save(params, "t5", tmp_path / "x.safetensors")
    more = {
        "decoder.block.0.layer.0.SelfAttention.q.weight": np.ones((15, 12), np.float32),
        "lm_head.weight": np.ones((23, 12), np.float32),
        "encoder.embed_tokens.weight": np.asarray(params["token_embedding"]),
    }
    save_file(load_file(tmp_path / "x.safetensors") | more, tmp_path / "whole.safetensors")
    assert_same(params, weights.load(tmp_path / "whole.safetensors", abstract(params)))


@pytest.mark.parametrize("kind, again", [
    ("t5", "encoder.embed_tokens.weight"), ("gpt2", "lm_head.weight"),
])  # fmt: skip
def test_a_table_that_is_there_twice_and_differs_is_refused(kind, again, tmp_path):
    tensors = load_file(GOLDEN / f"{kind}_small.safetensors")
    (table,) = (tensors[n] for n in ("shared.weight", "transformer.wte.weight") if n in tensors)
    save_file(tensors | {again: table}, tmp_path / "x.safetensors")
    assert weights.read(tmp_path / "x.safetensors")[0] == kind
    save_file(tensors | {again: table + np.float32(0.01)}, tmp_path / "x.safetensors")
    with pytest.raises(UserError, match=f"'{again}' that is not '.*' once more"):
        weights.read(tmp_path / "x.safetensors")


def changed(tmp_path, change):
    """A T5 file after `change` of its tensors."""
    weights.save(t5_params(t5(scan=False)), "t5", tmp_path / "x.safetensors")
    tensors = load_file(tmp_path / "x.safetensors")
    change(tensors)
    save_file(tensors, tmp_path / "y.safetensors")
    return tmp_path / "y.safetensors"


NORM = "encoder.block.1.layer.0.layer_norm.weight"


@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda t: t.pop(NORM), "lacks 'encoder/layers_1/attention_norm/scale'"),
        (lambda t: t.update({NORM + "s": t.pop(NORM)}), f"has no '{NORM}s', only '{NORM}'"),
        (lambda t: t.update({NORM: np.ones(3, np.float32)}), "has the shape (3,)"),
        (
            lambda t: t.update({k.replace("ck.1.", "ck.2."): v for k, v in t.items()}),
            "the model of this config has no 'encoder/layers_2",
        ),
        (
            lambda t: t.update({NORM.replace("1", "999999999", 1): t[NORM]}),
            "has no 'encoder.block.999999999.",  # and no table of that length is made
        ),
        (lambda t: t[NORM].fill(np.nan), "layers_1/attention_norm/scale with NaN or Inf"),
        (lambda t: t.update({NORM: t[NORM].astype(np.int32)}), f"{NORM} of "),
        (lambda t: t.update({NORM: t[NORM] > 0}), "y.safetensors holds bool, and weights are of"),
        (lambda t: t.clear() or t.update(x=np.ones(2, np.float32)), "none of the layouts"),
    ],
)
def test_every_key_is_accounted_for(change, sentence, tmp_path):
    file = changed(tmp_path, change)
    with pytest.raises(UserError) as error:
        weights.load(file, abstract(t5_params(t5(scan=False))))
    assert sentence in str(error.value)


def test_convert_prints_the_sizes_and_writes_what_load_reads(tmp_path, capsys):
    params = t5_params(t5(scan=False))
    weights.save(params, "t5", tmp_path / "x.safetensors")
    assert convert.main([str(tmp_path / "x.safetensors"), f"--out={tmp_path / 'out'}"]) == 0
    printed = capsys.readouterr().out
    assert '"text_encoder.head_width": 5' in printed and '"text_encoder.layers": 2' in printed
    assert_same(params, weights.load(tmp_path / "out", abstract(params)))
    assert convert.main([str(tmp_path / "nowhere"), f"--out={tmp_path / 'other'}"]) == 2
    assert "do not exist" in capsys.readouterr().err
