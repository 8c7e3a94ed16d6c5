"""Which file of a folder is meant, and every reader of the same tensors."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from data_pipelines.errors import UserError
from itit_jax.weights import convert
from itit_jax.weights import load as weights
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


def test_a_pipeline_that_leaves_a_choice_is_one_sentence(pipeline, capsys):
    folder, parts = pipeline
    assert convert.main([str(folder), f"--out={folder / 'out'}"]) == 2
    assert "holds the weights of text_encoder, vqvae; name one" in capsys.readouterr().err
    save_file({"w": np.ones(2, np.float32)}, folder / "model.safetensors")
    with pytest.raises(UserError, match="model.safetensors and vqvae/; name the one"):
        weights.load(folder, abstract(parts["vqvae"]), part="tokenizer")
