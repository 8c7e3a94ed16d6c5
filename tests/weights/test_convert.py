"""The command between layouts: every tensor is asked for, and a refusal writes nothing."""

import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from itit_jax.models.vqgan import VQGAN
from itit_jax.weights import convert
from itit_jax.weights import load as weights
from tests.weights.networks import (
    abstract,
    assert_same,
    maskgit_params,
    random_params,
    t5,
    t5_params,
    vq_params,
    vqgan,
)

NORM = "encoder.block.1.layer.0.layer_norm.weight"
BIAS = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
QUERY = "encoder.block.0.layer.0.SelfAttention.q.weight"


def drop(name):
    return lambda tensors: tensors.pop(name)


def reshape(name, *shape):
    return lambda tensors: tensors.update({name: np.ones(shape, np.float32)})


def refused(tmp_path, capsys, *more):
    """The sentence of a refusal of x.safetensors, after which no file is there that was not."""
    before = sorted(tmp_path.rglob("*"))
    out = [f"--out={tmp_path / 'new' / 'out'}"]
    assert convert.main([str(tmp_path / "x.safetensors"), *out, *more]) == 2
    assert sorted(tmp_path.rglob("*")) == before
    told = capsys.readouterr().err
    assert told.startswith("itit_jax: ") and len(told.splitlines()) == 1
    return told


@pytest.mark.parametrize("layout", ["itit_jax", "t5x", "t5x_scanned"])
@pytest.mark.parametrize(
    "change, sentence",
    [
        (drop(NORM), "layers_1/attention_norm/scale is missing"),
        (reshape(NORM, 3), "layers_1/attention_norm/scale has the shape (3,)"),
        (drop(BIAS), "relative_bias is missing"),
        (reshape(BIAS, 31, 3), "relative_bias has the shape (31, 3)"),
        (reshape(BIAS, 32, 4), "sizes 15 and 4"),
        (drop(QUERY), "none of the layouts"),
        (drop("encoder.final_layer_norm.weight"), "final_norm/scale is missing"),
    ],
)
def test_a_t5_that_is_not_whole_is_refused_and_nothing_written(
    change, sentence, layout, tmp_path, capsys
):
    weights.save(t5_params(t5(scan=False)), "t5", tmp_path / "x.safetensors")
    tensors = load_file(tmp_path / "x.safetensors")
    change(tensors)
    save_file(tensors, tmp_path / "x.safetensors")
    assert sentence in refused(tmp_path, capsys, f"--layout={layout}")


@pytest.mark.parametrize(
    "change, sentence",
    [
        (drop("decoder.mid.block_1.norm1.weight"), "decoder/mid/block_1/norm1/scale is missing"),
        (drop("quantize.embedding.weight"), "quantize/embedding is missing"),
        (reshape("quant_conv.bias", 5), "quant_conv/bias has the shape (5,)"),
        (drop("decoder.up.1.attn.0.q.weight"), "up_1_attn_0/attention/query/kernel is missing"),
    ],
)
def test_a_tokenizer_that_is_not_whole_is_refused(change, sentence, tmp_path, capsys):
    weights.save(vq_params(vqgan()), "taming", tmp_path / "x.safetensors")
    tensors = load_file(tmp_path / "x.safetensors")
    change(tensors)
    save_file(tensors, tmp_path / "x.safetensors")
    assert sentence in refused(tmp_path, capsys)


def middle_only():
    """diffusers' VQModel of its own defaults: attention in the middle and nowhere else."""
    return VQGAN(
        base=32, multipliers=(1, 2, 3), res_blocks=1, attention_resolutions=(0,),
        latent_channels=6, codes=11, code_width=4,
    )  # fmt: skip


def in_patches():
    return VQGAN(
        base=32, multipliers=(1,), res_blocks=1, attention_resolutions=(), latent_channels=6,
        codes=11, code_width=4, patch=4,
    )  # fmt: skip


@pytest.mark.parametrize("case", ["taming", "plain", "middle", "patches", "maskgit", "stack"])
def test_whole_networks_of_all_kinds_are_let_through(case, tmp_path):
    params, kind = {
        "taming": lambda: (vq_params(vqgan()), "taming"),
        "plain": lambda: (vq_params(vqgan(())), "diffusers_vq"),
        "middle": lambda: (vq_params(middle_only()), "diffusers_vq"),
        "patches": lambda: (random_params(in_patches(), jnp.zeros((1, 8, 8, 3))), "itit_jax"),
        "maskgit": lambda: (maskgit_params()[1], "open_muse"),
        "stack": lambda: (t5_params(t5()), "itit_jax"),
    }[case]()
    weights.save(params, kind, tmp_path / "x.safetensors")
    assert convert.main([str(tmp_path / "x.safetensors"), f"--out={tmp_path / 'out'}"]) == 0
    assert_same(params, weights.load(tmp_path / "out", abstract(params)))


def test_a_layout_of_another_network_is_one_sentence(tmp_path, capsys):
    weights.save(vq_params(vqgan()), "taming", tmp_path / "x.safetensors")
    assert "t5x_scanned is for T5" in refused(tmp_path, capsys, "--layout=t5x_scanned")


def test_a_network_of_this_project_alone_has_no_other_layout(tmp_path, capsys):
    model = VQGAN(8, (1,), 1, (), 3, 0, 0, levels=(3, 3))
    params = random_params(model, jnp.zeros((1, 4, 4, 3)))
    weights.save(params, "itit_jax", tmp_path / "x.safetensors")
    assert "only this project has" in refused(tmp_path, capsys, "--layout=taming")
    assert convert.main([str(tmp_path / "x.safetensors"), f"--out={tmp_path / 'out'}"]) == 0


@pytest.mark.parametrize("layout", ["itit_jax", "t5", "t5x"])
def test_only_an_empty_folder_is_written(layout, tmp_path, capsys):
    weights.save(t5_params(t5(scan=False)), "t5", tmp_path / "x.safetensors")
    command = [str(tmp_path / "x.safetensors"), f"--layout={layout}"]
    (tmp_path / "out").mkdir()
    assert convert.main([*command, f"--out={tmp_path / 'out'}"]) == 0
    before = {f: f.read_bytes() for f in (tmp_path / "out").rglob("*") if f.is_file()}
    for place in ("out", "x.safetensors", "x.safetensors/below"):
        assert convert.main([*command, f"--out={tmp_path / place}"]) == 2
        told = capsys.readouterr().err
        assert ("not an empty folder" in told) or ("cannot be written" in told)
        assert len(told.splitlines()) == 1
    assert before == {f: f.read_bytes() for f in (tmp_path / "out").rglob("*") if f.is_file()}


def test_what_a_killed_run_left_is_in_nobodys_way(tmp_path, monkeypatch):
    weights.save(t5_params(t5(scan=False)), "t5", tmp_path / "x.safetensors")
    monkeypatch.setattr("os.getpid", lambda: 7)
    for left in ("out.new", ".out.7.draft"):
        (tmp_path / left).mkdir()
        (tmp_path / left / "checkpoint").write_text("")
    command = [str(tmp_path / "x.safetensors"), f"--out={tmp_path / 'out'}", "--layout=t5x"]
    assert convert.main(command) == 0
    assert not (tmp_path / ".out.7.draft").exists()


@pytest.mark.parametrize("kind", ["clip", "siglip", "open_clip", "big_vision_scanned"])
def test_layouts_of_towers_are_not_offered(kind, tmp_path, capsys):
    assert convert.main(["x", f"--out={tmp_path}", f"--layout={kind}"]) == 2
    assert "--layout must be one of itit_jax, t5" in capsys.readouterr().err


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
    assert convert.main([str(torch), f"--out={flax_again}", "--layout=masgit"]) == 2
    assert "did you mean maskgit?" in capsys.readouterr().err
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
