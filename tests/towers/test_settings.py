"""Settings beside published towers: what they change, and what cannot be followed."""

import json
import shutil

import pytest

from data_pipelines.errors import UserError
from itit_jax.towers import published as towers
from tests.towers.folders import CFG, GOLDEN, beside, said


def text(**more):
    return {"model_cfg": {**CFG, "text_cfg": {"heads": 2, **more}}}


def image(**more):
    return {"model_cfg": {**CFG, "vision_cfg": {"head_width": 4, **more}}}


def prepared(**settings):
    return {"model_cfg": CFG, "preprocess_cfg": settings}


@pytest.mark.parametrize("settings, sentence", [
    (text(no_causal_mask=True), "no_causal_mask = True in the text tower"),
    (text(pool_type="last"), "pool_type = last"),
    (text(tokenizer_kwargs={"clean": "canonicalize"}), "tokenizer_kwargs"),
    (image(act_kwargs={"approximate": "tanh"}), "{'approximate': 'tanh'} in the image"),
    (image(norm_kwargs={"eps": 1e-6}), "norm_kwargs"),
    (image(pool_type="avg"), "pool_type = avg"),
    (image(head_width=0), "head_width 0"),
    (image(head_width="4"), "head_width 4"),
    (prepared(resize_mode="longest"), "by 'longest'; known are shortest, squash"),
    (prepared(interpolation=3), "by '3'; known are bilinear, bicubic"),
    (prepared(mean=0.5), "mean = 0.5, not three numbers"),
    ({"model_cfg": [1]}, "model_cfg of open_clip_config.json"),
    ({"model_cfg": {"vision_cfg": [1]}}, "vision_cfg of open_clip_config.json"),
    ({"model_cfg": CFG, "preprocess_cfg": [1]}, "preprocess_cfg of open_clip_config.json"),
    (text(layers=1), "asks for text_cfg.layers = 1, which is 2 here"),
    (text(vocab_size=30), "asks for text_cfg.vocab_size = 30"),
    (image(mlp_ratio=4.0), "asks for vision_cfg.mlp_ratio = 4.0, which is 1.2 here"),
    (image(image_size=17), "asks for vision_cfg.image_size = 17"),
    ({"model_cfg": {**CFG, "embed_dim": 512}}, "asks for model_cfg.embed_dim = 512"),
    (prepared(size=224), "asks for size = 224, which is 16 here"),
    (prepared(mode="L"), "asks for mode = L, which is RGB here"),
    ("[" * 100_000, "is no JSON"),
])  # fmt: skip
def test_settings_of_open_clip_that_cannot_be_followed_are_refused(
    settings, sentence, open_clip, tmp_path
):
    with pytest.raises(UserError) as error:
        towers.describe(beside(tmp_path, open_clip, "open_clip_config.json", settings))
    assert sentence in str(error.value) and len(str(error.value).splitlines()) == 1


def test_texts_of_open_clip_have_eight_heads_unless_they_say_another_number(open_clip, tmp_path):
    cfg = {**CFG, "text_cfg": {"layers": 2}}
    plain = beside(tmp_path, open_clip, "open_clip_config.json", {"model_cfg": cfg})
    assert towers.describe(plain)[1].text.heads == 8


def test_usual_settings_of_open_clip_change_nothing(open_clip, tmp_path):
    plain = beside(tmp_path, open_clip, "open_clip_config.json", {"model_cfg": CFG})
    want = towers.describe(plain)
    usual = {"no_causal_mask": False, "act_kwargs": None, "norm_kwargs": {}, "layers": 2}
    image = {"pool_type": "tok", "patch_dropout": 0.5, "mlp_ratio": 1.2, "image_size": [16, 16]}
    text = {"pool_type": "argmax", "pad_id": 0, "vocab_size": 29, "context_length": 9}
    cfg = {
        "embed_dim": 12,
        "vision_cfg": {**CFG["vision_cfg"], **usual, **image},
        "text_cfg": {**CFG["text_cfg"], **usual, **text, "width": 16, "mlp_ratio": 1.2501},
    }
    file = beside(tmp_path, open_clip, "open_clip_config.json", {"model_cfg": cfg})
    assert towers.describe(file) == want


@pytest.mark.parametrize("name, settings", [
    ("preprocessor_config.json", {"image_mean": 0.5}),
    ("preprocessor_config.json", {"image_mean": None}),
    ("preprocessor_config.json", {"image_std": [1, 2]}),
    ("preprocessor_config.json", {"image_std": [1, 2, "3"]}),
    ("preprocessor_config.json", {"image_std": [1, 2, float("nan")]}),
    ("preprocessor_config.json", {"resample": [3]}),
    ("preprocessor_config.json", {"do_center_crop": 1}),
    ("preprocessor_config.json", {"resample": "3\n"}),
    ("preprocessor_config.json", {"size": "\u2028"}),
    ("config.json", {"vision_config": {"hidden_act": "gelu\n\n"}}),
    ("config.json", {"vision_config": {"num_attention_heads": "2\n"}}),
    ("config.json", {"model_type": "siglip\n"}),
    ("config.json", {"vision_config": [1]}),
    ("config.json", {"vision_config": {"hidden_act": ["gelu"]}}),
    ("config.json", {"vision_config": {"layer_norm_eps": "1e-6"}}),
    ("config.json", {"text_config": {"eos_token_id": [1]}}),
    ("config.json", "[" * 100_000),
])  # fmt: skip
def test_settings_that_are_no_such_things_are_one_sentence(name, settings, tmp_path):
    shutil.copy(GOLDEN / "siglip_small" / "config.json", tmp_path)
    source = GOLDEN / "siglip_small" / "model.safetensors"
    with pytest.raises(UserError) as error:
        towers.describe(beside(tmp_path, source, name, settings))
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("name, more", [
    ("preprocessor_config.json", {"image_mean": [0.1, 0.2, 0.3]}),
    ("preprocessor_config.json", {"image_std": [1, 1, 2]}),
    ("preprocessor_config.json", {"resample": 2}),
    ("preprocessor_config.json", {"do_center_crop": True, "size": 16}),
    ("config.json", {"layer_norm_eps": 1e-5}),
    ("config.json", {"num_attention_heads": 1}),
])  # fmt: skip
def test_the_signature_tells_settings_apart(name, more, tmp_path):
    source = GOLDEN / "siglip_small"
    config = json.loads((source / "config.json").read_text())
    file = beside(tmp_path, source / "model.safetensors", "config.json", config)
    plain = towers.load_towers(file).signature
    assert towers.load_towers(file).signature == plain
    if name == "config.json":
        config["vision_config"] |= more
    (tmp_path / name).write_text(json.dumps(config if name == "config.json" else more))
    assert towers.load_towers(file).signature != plain


def test_an_end_that_is_left_out_is_what_their_library_takes(tmp_path):
    source = GOLDEN / "clip_small" / "model.safetensors"
    config = said("clip_small", text_config__eos_token_id=None)
    assert towers.describe(beside(tmp_path, source, "config.json", config))[1].text.end == 49407
