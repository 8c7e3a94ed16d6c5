"""Published towers: four layouts of one model, sizes from the file, texts and pictures on the way
in. Their features are held to transformers in tests/weights/test_load.py."""

import json
import pathlib
import shutil

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from data_pipelines.errors import UserError
from itit_jax.towers import published as towers
from itit_jax.weights import convert
from itit_jax.weights import load as weights
from tests.weights import parity

GOLDEN = pathlib.Path(__file__).parents[1] / "weights" / "golden"
LAYER = "text_model.encoder.layers.0"
NAFLEX = "vision_model.embeddings.patch_embedding.weight"


@pytest.fixture(scope="module", params=["clip_small", "siglip_small"])
def published(request):
    """(name, module, parameters) of a file of transformers."""
    folder = GOLDEN / request.param
    _, module = towers.describe(folder)
    return request.param, module, towers.load_params(folder, module)


def layouts(name, module):
    """(kind, file, what that layout asks for) of a family."""
    if name.startswith("clip"):
        return [("clip", "model.safetensors", {}), ("open_clip", "open_clip_model.safetensors", {})]
    heads = {"heads": {"image": module.image.heads, "text": module.text.heads}}
    return [
        ("siglip", "model.safetensors", {}),
        ("big_vision", "x.npz", heads),
        ("big_vision_scanned", "x.npz", heads),
    ]


def test_every_layout_gives_back_what_was_published_bit_for_bit(published, tmp_path):
    name, module, params = published
    original = load_file(GOLDEN / name / "model.safetensors")
    for kind, file, known in layouts(name, module):
        path = tmp_path / kind / file
        path.parent.mkdir()
        weights.save(params, kind, path, **known)
        assert weights.read(path)[0] == kind
        back = towers.load_params(path, module)
        jax.tree.map(np.testing.assert_array_equal, back, params)
        weights.save(back, kind, tmp_path / f"again.{file}", **known)
        read = load_file if path.suffix == ".safetensors" else lambda f: dict(np.load(f))
        one, two = read(path), read(tmp_path / f"again.{file}")
        assert one.keys() == two.keys() and all(one[n].tobytes() == two[n].tobytes() for n in one)
        if kind in ("clip", "siglip"):
            assert one.keys() == original.keys()
            assert all(one[n].tobytes() == original[n].tobytes() for n in one)
            assert all(one[n].shape == original[n].shape for n in one)


def test_sizes_are_those_of_the_file_in_every_layout(published, tmp_path):
    name, module, params = published
    for kind, file, known in layouts(name, module):
        path = tmp_path / kind / file
        path.parent.mkdir()
        weights.save(params, kind, path, **known)
        if "big_vision" not in kind:
            shutil.copy(GOLDEN / name / "config.json", path.parent)
        cfg = {"quick_gelu": True, "vision_cfg": {"head_width": 4}, "text_cfg": {"heads": 2}}
        (path.parent / "open_clip_config.json").write_text(json.dumps({"model_cfg": cfg}))
        assert towers.describe(path) == (kind, module)


# How names of others read in transformers (weights.md 3), in this order.
OPEN_CLIP = (
    ("visual.transformer.resblocks", "vision_model.encoder.layers"),
    ("transformer.resblocks", "text_model.encoder.layers"),
    ("visual.conv1", "vision_model.embeddings.patch_embedding"),
    ("visual.class_embedding", "vision_model.embeddings.class_embedding"),
    ("visual.positional_embedding", "vision_model.embeddings.position_embedding.weight"),
    ("visual.ln_pre", "vision_model.pre_layrnorm"),
    ("visual.ln_post", "vision_model.post_layernorm"),
    ("visual.proj", "visual_projection.weight"),
    ("token_embedding", "text_model.embeddings.token_embedding"),
    ("positional_embedding", "text_model.embeddings.position_embedding.weight"),
    ("ln_final", "text_model.final_layer_norm"),
    ("text_projection", "text_projection.weight"),
    ("ln_1", "layer_norm1"),
    ("ln_2", "layer_norm2"),
    ("mlp.c_fc", "mlp.fc1"),
    ("mlp.c_proj", "mlp.fc2"),
    (".attn.", ".self_attn."),
)
BIG_VISION = (
    ("params/", ""),
    ("img/embedding", "vision_model.embeddings.patch_embedding"),
    ("img/pos_embedding", "vision_model.embeddings.position_embedding.weight"),
    ("txt/pos_embedding", "text_model.embeddings.position_embedding.weight"),
    ("txt/Embed_0/embedding", "text_model.embeddings.token_embedding.weight"),
    ("txt/head", "text_model.head"),
    ("img/Transformer/encoder_norm", "vision_model.post_layernorm"),
    ("txt/Encoder_0/encoder_norm", "text_model.final_layer_norm"),
    ("img/Transformer/encoderblock_", "vision_model.encoder.layers."),
    ("txt/Encoder_0/encoderblock_", "text_model.encoder.layers."),
    ("img/MAPHead_0/MultiHeadDotProductAttention_0", "vision_model.head.attention"),
    ("img/MAPHead_0/LayerNorm_0", "vision_model.head.layernorm"),
    ("img/MAPHead_0", "vision_model.head"),
    ("MultiHeadDotProductAttention_0", "self_attn"),
    ("LayerNorm_0", "layer_norm1"),
    ("LayerNorm_1", "layer_norm2"),
    ("MlpBlock_0/Dense_0", "mlp.fc1"),
    ("MlpBlock_0/Dense_1", "mlp.fc2"),
    ("query", "q_proj"),
    ("key", "k_proj"),
    ("value", "v_proj"),
    ("/out/", "/out_proj/"),
    ("kernel", "weight"),
    ("scale", "weight"),
    ("/", "."),
)


def renamed(name, table):
    for theirs, hugging_face in table:
        name = name.replace(theirs, hugging_face, 1 if theirs != "/" else -1)
    return {"t": "logit_scale", "b": "logit_bias"}.get(name, name)


def parted(tensors):
    """q, k and v of a joined matrix under their own names."""
    for name, tensor in tensors.items():
        if "in_proj_" not in name:
            yield name, tensor
            continue
        for short, part in zip("qkv", np.split(tensor, 3)):
            yield name.replace("in_proj_", f"{short}_proj."), part


def test_open_clip_and_hugging_face_names_are_the_same_model(tmp_path):
    _, module = towers.describe(GOLDEN / "clip_small")
    params = towers.load_params(GOLDEN / "clip_small", module)
    weights.save(params, "open_clip", tmp_path / "x.safetensors")
    want = dict(parted(load_file(GOLDEN / "clip_small" / "model.safetensors")))
    found = {renamed(n, OPEN_CLIP): t for n, t in parted(load_file(tmp_path / "x.safetensors"))}
    assert found.keys() == want.keys()
    for name, tensor in found.items():
        turned = tensor.T if name.endswith("_projection.weight") else tensor
        np.testing.assert_array_equal(turned, want[name], err_msg=name)


def test_big_vision_and_hugging_face_names_are_the_same_model(tmp_path):
    _, module = towers.describe(GOLDEN / "siglip_small")
    params = towers.load_params(GOLDEN / "siglip_small", module)
    weights.save(params, "big_vision", tmp_path / "x.npz", heads={"image": 2, "text": 3})
    tensors = dict(np.load(tmp_path / "x.npz"))
    want = dict(parted(load_file(GOLDEN / "siglip_small" / "model.safetensors")))
    found = {renamed(n, BIG_VISION): t for n, t in tensors.items()}
    assert found.keys() == want.keys()
    for name, tensor in found.items():
        if tensor.ndim == 4:
            tensor = tensor.transpose(3, 2, 0, 1)
        elif "proj.weight" in name or "fc" in name or name == "text_model.head.weight":
            tensor = tensor.reshape(-1, 12).T if "proj" in name else tensor.T
        np.testing.assert_array_equal(tensor.reshape(want[name].shape), want[name], err_msg=name)
    attention = "params/txt/Encoder_0/encoderblock_1/MultiHeadDotProductAttention_0"
    assert tensors[f"{attention}/query/kernel"].shape == (12, 3, 4)
    assert tensors[f"{attention}/query/bias"].shape == (3, 4)
    assert tensors[f"{attention}/out/kernel"].shape == (3, 4, 12)
    assert tensors["params/img/pos_embedding"].shape == (1, 4, 12)
    assert tensors["params/t"].shape == tensors["params/b"].shape == (1,)


def test_scanned_layers_are_the_layers_one_after_the_other(tmp_path):
    _, module = towers.describe(GOLDEN / "siglip_small")
    params = towers.load_params(GOLDEN / "siglip_small", module)
    for kind in ("big_vision", "big_vision_scanned"):
        weights.save(params, kind, tmp_path / f"{kind}.npz", heads={"image": 2, "text": 3})
    flat, scanned = (np.load(tmp_path / f"{k}.npz") for k in ("big_vision", "big_vision_scanned"))
    for name in scanned:
        if "/encoderblock/" not in name:
            np.testing.assert_array_equal(scanned[name], flat[name])
            continue
        layers = [flat[name.replace("block/", f"block_{i}/")] for i in range(2)]
        np.testing.assert_array_equal(scanned[name], np.stack(layers))


def changed(tmp_path, name, change):
    """A published folder after `change` of its tensors and settings."""
    tensors = load_file(GOLDEN / name / "model.safetensors")
    config = json.loads((GOLDEN / name / "config.json").read_text())
    change(tensors, config)
    save_file(tensors, tmp_path / "model.safetensors")
    if config:
        (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


def keep(prefix):
    """A change: only this tower, with its own settings laid flat."""

    def change(tensors, config):
        lone = {n: t for n, t in tensors.items() if n.startswith(prefix)}
        section = config[f"{prefix.split('_')[0]}_config"]
        tensors.clear(), config.clear(), tensors.update(lone), config.update(section)

    return change


@pytest.mark.parametrize("tower, other", [("vision", "text"), ("text", "image")])
def test_a_file_of_one_tower_gives_that_tower(tower, other, tmp_path):
    folder = changed(tmp_path, "clip_small", keep(f"{tower}_model"))
    _, whole = towers.describe(GOLDEN / "clip_small")
    loaded = towers.load_towers(folder)
    mine = "image" if tower == "vision" else "text"
    assert getattr(loaded.module, mine) == getattr(whole, mine).clone(features=0)
    assert set(loaded.params) == {mine}
    with pytest.raises(UserError, match=f"holds no {other} tower"):
        getattr(loaded, f"{other}_features")(["a"])


@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda t, c: c.clear(), "no config.json beside it"),
        (lambda t, c: c["vision_config"].update(hidden_act="relu"), "activation 'relu'; known"),
        (lambda t, c: c["text_config"].update(num_attention_heads=5), "5 heads, which cannot"),
        (lambda t, c: c["vision_config"].update(num_attention_heads=0), "0 heads, which cannot"),
        (lambda t, c: t.pop(f"{LAYER}.mlp.fc1.weight"), "layers_0/mlp/up/kernel is missing in"),
        (lambda t, c: t.pop("text_model.head.weight"), "asks for projection_size = 12"),
        (lambda t, c: t.update({NAFLEX: np.ones((12, 192), np.float32)}), "shape (12, 192), which"),
    ],
)
def test_what_cannot_be_read_rightly_is_refused(change, sentence, tmp_path):
    with pytest.raises(UserError) as error:
        towers.load_towers(changed(tmp_path, "siglip_small", change))
    assert sentence in str(error.value)


@pytest.mark.parametrize("text", ["{", "[]"])
def test_broken_settings_are_one_sentence(text, tmp_path):
    folder = changed(tmp_path, "siglip_small", lambda t, c: None)
    (folder / "config.json").write_text(text)
    with pytest.raises(UserError, match="config.json (is no JSON|holds no JSON object)"):
        towers.describe(folder)


def test_open_clip_without_settings_and_other_models_are_refused(tmp_path, capsys):
    _, module = towers.describe(GOLDEN / "clip_small")
    params = towers.load_params(GOLDEN / "clip_small", module)
    weights.save(params, "open_clip", tmp_path / "x.safetensors")
    with pytest.raises(UserError, match="no open_clip_config.json"):
        towers.describe(tmp_path / "x.safetensors")
    with pytest.raises(UserError, match="read as t5, which has no towers"):
        towers.describe(GOLDEN / "t5_small.safetensors")
    assert convert.main([str(GOLDEN / "clip_small"), f"--out={tmp_path / 'out'}"]) == 2
    assert "used as they were published" in capsys.readouterr().err


@pytest.mark.parametrize("name", [n for n in parity.names(GOLDEN) if "clip" in n or "siglip" in n])
def test_pictures_are_prepared_as_by_the_image_processor(name):
    arrays = np.load(GOLDEN / f"{name}.npz")
    tower = towers.describe(GOLDEN / name)[1].image
    fitted = towers.fit(arrays["picture"], tower.size, tower.pixels)
    want = (arrays["prepared"] * tower.pixels.deviation + np.array(tower.pixels.mean)) * 255
    assert np.abs(fitted - want).max() < 1.01  # versions of Pillow round differently


def test_features_do_not_depend_on_the_batch():
    loaded = towers.load_towers(GOLDEN / "siglip_small")
    pictures = np.random.default_rng(0).integers(0, 256, (towers.BATCH + 1, 16, 16, 3), np.uint8)
    found = loaded.image_features(pictures)
    assert found.shape == (len(pictures), 12)
    alone = [loaded.image_features(pictures[i : i + 1])[0] for i in (0, 7, towers.BATCH)]
    np.testing.assert_allclose(found[[0, 7, towers.BATCH]], alone, rtol=1e-5, atol=1e-6)
    assert loaded.signature.startswith("siglip-w12x2-p8-16-")
