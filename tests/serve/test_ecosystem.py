"""What an export says to other libraries; whether they agree is tested by make test-parity."""

import json
import shutil

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file

from data_pipelines import images
from data_pipelines.errors import UserError
from itit_jax import config as settings
from itit_jax.exported import seal_of
from itit_jax.models.vqgan import VQGAN
from itit_jax.serve import ecosystem, export
from itit_jax.towers import published
from itit_jax.towers.pixels import PREPARED
from tests import tiny
from tests.serve import exported

PLAIN = dict(
    base=32, multipliers=(1, 2), res_blocks=2, attention_resolutions=(8,), latent_channels=6,
    codes=11, code_width=4,
)  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return exported.trained(tmp_path_factory.mktemp("random"))


@pytest.fixture(scope="module")
def folder(found):
    export.write(found, found.folder / "out")
    return found.folder / "out"


def test_a_plain_tokenizer_goes_out_in_the_layout_of_diffusers(folder):
    assert json.loads((folder / "model_index.json").read_text())["vqvae"][0] == "diffusers"
    tensors = load_file(folder / "vqvae" / "diffusion_pytorch_model.safetensors")
    # Attention at 8 pixels a side: the second of two levels, the first block up of the decoder.
    assert "encoder.down_blocks.1.attentions.0.to_q.weight" in tensors
    assert "decoder.up_blocks.0.attentions.0.to_q.weight" in tensors
    config = json.loads((folder / "vqvae" / "config.json").read_text())
    assert config["down_block_types"] == ["DownEncoderBlock2D", "AttnDownEncoderBlock2D"]
    assert config["up_block_types"] == ["AttnUpDecoderBlock2D", "UpDecoderBlock2D"]
    assert tensors["quantize.embedding.weight"].shape == (
        config["num_vq_embeddings"],
        config["vq_embed_dim"],
    )


def test_it_comes_back_from_that_layout(found, folder):
    back = export.read(folder)
    jax.tree.map(np.testing.assert_array_equal, back.params, found.params)
    export.write(back, folder.parent / "again")
    for file in folder.rglob("*.*"):
        again = folder.parent / "again" / file.relative_to(folder)
        assert again.read_bytes() == file.read_bytes(), file


@pytest.mark.parametrize(
    "change",
    [
        dict(levels=(8, 8)),
        dict(patch=2),
        dict(local=True),
        dict(base=8),  # groups of 8 and of 16 channels, and VQModel has one number
    ],
)
def test_a_network_that_vqmodel_cannot_be_is_not_called_one(change):
    assert ecosystem.vqmodel_config(VQGAN(**PLAIN), 16)
    assert ecosystem.vqmodel_config(VQGAN(**PLAIN | change), 16) is None


def test_only_files_that_were_checked_are_read(found, folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    for part in ("itit", "text_encoder", "vqvae"):
        for name in ("model.safetensors.index.json", "model.safetensors"):
            if not (copy / part / name).exists():
                (copy / part / name).write_bytes(b"of somebody else")
    jax.tree.map(np.testing.assert_array_equal, export.read(copy).params, found.params)
    about = json.loads((copy / "itit_jax.json").read_text())
    outside = {"../x/itit_jax.json": about["sha256"]["itit/model.safetensors"]}
    for broken in ({"sha256": ["x"]}, {"parts": {}, "sha256": outside}):
        told = about | broken
        told["sha256_of_this"] = seal_of(told)
        (copy / "itit_jax.json").write_text(json.dumps(told))
        with pytest.raises(UserError, match="itit_jax.json is not as it was exported"):
            export.read(copy)


def test_no_key_that_may_hold_a_path_goes_out():
    config = tiny.itit_config()
    told = {name for name, key in settings.declared(config).items()
            if isinstance(key.default, str) and not key.check}  # fmt: skip
    told -= {"recipe", "evaluate.scenes", "encode.what"}  # names
    kind = {"kind:path": "scenes:"}
    front = {name: kind.get(settings.declared(config)[name].place, "") for name in told}
    config = settings.override(config, [f"{name}={front[name]}/home/me" for name in told])
    assert settings.to_json(config).count("/home/me") == len(told) > 5
    assert "/home/me" not in settings.to_json(export.without_places(config))


@pytest.mark.parametrize(
    "model, library, told",
    [
        (dict(layout="amused"), "diffusers", "its pixels lie in [0, 1]"),
        (
            dict(layout="maskgit", attention_resolutions=(), latent_channels=4),
            "itit_jax",
            "`vqvae/`: `MaskGITVQGAN` of itit_jax",
        ),
    ],
)
def test_a_tokenizer_of_another_layout_goes_out_and_comes_back(model, library, told, tmp_path):
    found = exported.trained(tmp_path, **model)
    export.write(found, tmp_path / "out")
    back = export.read(tmp_path / "out")
    jax.tree.map(np.testing.assert_array_equal, back.params, found.params)
    index = json.loads((tmp_path / "out" / "model_index.json").read_text())
    assert index["vqvae"][0] == library
    assert told in (tmp_path / "out" / "README.md").read_text()
    if library == "itit_jax":
        config = json.loads((tmp_path / "out" / "vqvae" / "config.json").read_text())
        assert config["_class_name"] == "MaskGITVQGAN" and config["unit_pixels"] is True


def test_t5_says_that_its_output_matrix_is_its_own(folder, found):
    config = json.loads((folder / "text_encoder" / "config.json").read_text())
    assert config["tie_word_embeddings"] is False
    tensors = load_file(folder / "text_encoder" / "model.safetensors")
    assert tensors["shared.weight"].shape == (config["vocab_size"], config["d_model"])
    q = tensors["encoder.block.1.layer.0.SelfAttention.q.weight"]
    assert q.shape == (config["num_heads"] * config["d_kv"], config["d_model"])
    wi = tensors["encoder.block.1.layer.1.DenseReluDense.wi_0.weight"]
    assert wi.shape == (config["d_ff"], config["d_model"])


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_towers_go_out_as_published_ones_are_and_come_back(family, tmp_path):
    found = exported.towers(tmp_path, family)
    out = tmp_path / "out"
    export.write(found, out)
    jax.tree.map(np.testing.assert_array_equal, export.read(out).params, found.params)
    # Read as anybody's: every size and setting is told in the words of transformers.
    kind, module = published.describe(out / "tower")
    own = found.recipe.network
    assert kind == family
    assert module.image.clone(scan=True) == own.image and module.text.clone(scan=True) == own.text
    name = {"clip": "CLIPModel", "siglip": "SiglipModel"}[family]
    assert json.loads((out / "model_index.json").read_text())["tower"] == ["transformers", name]
    told = (out / "README.md").read_text()
    assert f"`tower/`: `{name}` of transformers opens it" in told and "AutoModel" in told
    words = json.loads((out / "tokenizer" / "tokenizer_config.json").read_text())
    # A mask, which AutoTokenizer gives if nothing is told, hides padding; CLIP's end never sees it.
    assert words.get("model_input_names") == (["input_ids"] if family == "siglip" else None)


def test_pictures_of_a_trained_tower_are_prepared_as_data_sets_bring_them(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (48, 96, 3), np.uint8)
    found = exported.towers(tmp_path, "siglip")
    export.write(found, tmp_path / "out")
    way = published.describe(tmp_path / "out" / "tower")[1].image.pixels
    np.testing.assert_array_equal(published.fit(picture, 16, way), images.fit(picture, 16))
    told = json.loads((tmp_path / "out" / "tower" / PREPARED).read_text())
    assert told["image_processor_type"] == "CLIPImageProcessor"  # of all that cut the centre out
