"""Which file of a folder is meant, and every reader of the same tensors."""

import json
import zipfile

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from benchmarks.hostile import torch_zip
from data_pipelines.errors import UserError
from itit_jax.weights import convert
from itit_jax.weights import load as weights
from itit_jax.weights.containers.find import read_tensors
from tests.weights.networks import abstract, assert_same, t5, t5_params, vq_params, vqgan


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


def write_part(arrays, file):
    save = save_file if file.suffix == ".safetensors" else lambda a, f: torch_zip.save(f, a)
    save(arrays, file)


@pytest.mark.parametrize(
    "index, parts",
    [
        ("model.safetensors.index.json", "model-0000{}-of-00002.safetensors"),
        ("model.safetensors.index.fp16.json", "model.fp16-0000{}-of-00002.safetensors"),
        ("pytorch_model.bin.index.json", "pytorch_model-0000{}-of-00002.bin"),
        (
            "diffusion_pytorch_model.safetensors.index.json",
            "diffusion_pytorch_model-0000{}-of-00002.safetensors",
        ),
        ("diffusion_pytorch_model.bin.index.json", "diffusion_pytorch_model-0000{}-of-00002.bin"),
        (None, "diffusion_pytorch_model.bin"),
        (None, "pytorch_model.fp16.bin"),
    ],
)
def test_folders_are_read_as_hubs_have_them(index, parts, tmp_path):
    arrays = {name: np.full((2, 3), i, np.float32) for i, name in enumerate("abcd")}
    held = {name: parts.format(1 + i % 2) for i, name in enumerate(arrays)}
    for part in set(held.values()):
        write_part({n: arrays[n] for n in held if held[n] == part}, tmp_path / part)
    if index:
        (tmp_path / index).write_text(json.dumps({"metadata": {}, "weight_map": held}))
    found = read_tensors(tmp_path)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name].read(), array)


def test_a_t5_may_have_its_words_under_the_name_of_its_encoder(tmp_path):
    params = t5_params(t5(scan=False))
    weights.save(params, "t5", tmp_path / "x.safetensors")
    tensors = load_file(tmp_path / "x.safetensors")
    tensors["encoder.embed_tokens.weight"] = tensors.pop("shared.weight")
    save_file(tensors, tmp_path / "x.safetensors")
    assert_same(params, weights.load(tmp_path / "x.safetensors", abstract(params)))


def test_an_archive_of_torchscript_gives_its_modules_tensors_and_runs_no_code(tmp_path):
    words, scale = np.arange(6, dtype=np.float16).reshape(2, 3), np.float32([2.5])
    stored = [torch_zip.storage(str(i), torch_zip.STORAGE[str(a.dtype)], a.size)
              for i, a in enumerate((words, scale))]  # fmt: skip
    module = lambda name, state: (
        torch_zip.name(f"__torch__.{name}", "M") + b")\x81" + torch_zip.table(state) + b"b"
    )
    inner = module("torch.nn", {"training": b"\x89", "weight": torch_zip.tensor(stored[0], (2, 3))})
    sizes = torch_zip.call(torch_zip.name("torch.jit._pickle", "build_intlist"), b"](K\x01K\x02e")
    state = {"token_embedding": inner, "logit_scale": torch_zip.tensor(stored[1], ()), "n": sizes}
    torch_zip.write(tmp_path / "x.pt", module("clip", state), [words, scale])
    with zipfile.ZipFile(tmp_path / "x.pt", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/code/__torch__/clip.py", "raise SystemExit" * 99)
        archive.writestr("archive/constants.pkl", b"\x80\x02).")
    found = read_tensors(tmp_path / "x.pt")
    assert found.keys() == {"token_embedding.weight", "logit_scale"}
    np.testing.assert_array_equal(found["token_embedding.weight"].read(), words)
    assert found["logit_scale"].read() == 2.5


def test_a_pipeline_that_leaves_a_choice_is_one_sentence(pipeline, capsys):
    folder, parts = pipeline
    assert convert.main([str(folder), f"--out={folder / 'out'}"]) == 2
    assert "holds the weights of text_encoder, vqvae; name one" in capsys.readouterr().err
    save_file({"w": np.ones(2, np.float32)}, folder / "model.safetensors")
    with pytest.raises(UserError, match="model.safetensors and vqvae/; name the one"):
        weights.load(folder, abstract(parts["vqvae"]), part="tokenizer")
