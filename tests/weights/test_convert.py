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
def test_a_network_that_is_not_whole_is_refused_and_nothing_written(layout, tmp_path, capsys):
    weights.save(t5_params(t5(scan=False)), "t5", tmp_path / "x.safetensors")
    whole = load_file(tmp_path / "x.safetensors")
    for lost, sentence in (
        ("encoder.block.1.layer.0.layer_norm.weight", "layers_1/attention_norm/scale is missing"),
        ("encoder.block.0.layer.0.SelfAttention.q.weight", "none of the layouts"),
    ):
        save_file({n: a for n, a in whole.items() if n != lost}, tmp_path / "x.safetensors")
        assert sentence in refused(tmp_path, capsys, f"--layout={layout}")


def test_weights_that_are_no_numbers_are_not_written(tmp_path, capsys):
    weights.save(t5_params(t5(scan=False)), "t5", tmp_path / "x.safetensors")
    tensors = load_file(tmp_path / "x.safetensors")
    tensors["shared.weight"][3] = np.nan
    save_file(tensors, tmp_path / "x.safetensors")
    assert "holds token_embedding with NaN or Inf in it" in refused(tmp_path, capsys)


def test_a_stack_is_written_layer_by_layer(tmp_path):
    params = t5_params(t5())
    weights.save(params, "itit_jax", tmp_path / "x.safetensors")
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


def test_what_a_killed_run_left_is_in_nobodys_way(tmp_path):
    weights.save(t5_params(t5(scan=False)), "t5", tmp_path / "x.safetensors")
    for left in ("out.new", ".out.draft"):
        (tmp_path / left).mkdir()
        (tmp_path / left / "checkpoint").write_text("")
    command = [str(tmp_path / "x.safetensors"), f"--out={tmp_path / 'out'}", "--layout=t5x"]
    assert convert.main(command) == 0
    assert not (tmp_path / ".out.draft").exists()


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
