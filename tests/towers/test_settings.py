"""Settings beside published towers: what they change, and what cannot be followed."""

import json
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

from data_pipelines.errors import UserError
from itit_jax.models.towers import Towers
from itit_jax.towers import published as towers
from itit_jax.weights import load as weights

GOLDEN = pathlib.Path(__file__).parents[1] / "weights" / "golden"
CFG = {"vision_cfg": {"head_width": 4}, "text_cfg": {"heads": 2}}


@pytest.fixture(scope="module")
def open_clip(tmp_path_factory):
    """A file of open_clip."""
    _, module = towers.describe(GOLDEN / "clip_small")
    file = tmp_path_factory.mktemp("open_clip") / "x.safetensors"
    weights.save(towers.load_params(GOLDEN / "clip_small", module), "open_clip", file)
    assert load_file(file)
    return file


def beside(folder, source, name, settings):
    """The weights of `source` in a folder with these settings, JSON or text."""
    shutil.copy(source, folder / "x.safetensors")
    text = settings if isinstance(settings, str) else json.dumps(settings)
    (folder / name).write_text(text)
    return folder / "x.safetensors"


PICTURE = np.random.default_rng(0).integers(0, 256, (20, 32, 3), np.uint8)


def squeezed(resample):
    return Image.fromarray(PICTURE).resize((8, 8), resample)


def cropped(resample):
    return Image.fromarray(PICTURE).resize((12, 8), resample).crop((2, 0, 10, 8))


@pytest.mark.parametrize("settings, want", [
    ({"interpolation": "bilinear", "resize_mode": "squash"}, squeezed(2)),
    ({"interpolation": "bilinear", "resize_mode": "shortest"}, cropped(2)),
    ({"interpolation": "bicubic", "resize_mode": "squash"}, squeezed(3)),
    ({}, cropped(3)),
])  # fmt: skip
def test_open_clip_says_how_pictures_are_prepared(settings, want, open_clip, tmp_path):
    settings = settings | {"mean": [0.1, 0.2, 0.3], "std": [1, 1, 2]}
    whole = {"model_cfg": CFG, "preprocess_cfg": settings}
    file = beside(tmp_path, open_clip, "open_clip_config.json", whole)
    pixels = towers.describe(file)[1].image.pixels
    assert pixels[:2] == ((0.1, 0.2, 0.3), (1, 1, 2))
    np.testing.assert_array_equal(towers.fit(PICTURE, 8, pixels), want)


@pytest.mark.parametrize("settings, want", [
    ({"resample": 2}, squeezed(2)),
    ({"do_center_crop": True, "size": {"shortest_edge": 16}, "crop_size": 16}, cropped(3)),
    ({"do_center_crop": True, "size": {"height": 16, "width": 16}}, squeezed(3)),
    ({"do_center_crop": True, "size": 16, "rescale_factor": 1 / 255}, cropped(3)),
    ({}, squeezed(3)),
])  # fmt: skip
def test_a_preprocessor_says_how_pictures_are_prepared(settings, want, tmp_path):
    shutil.copy(GOLDEN / "siglip_small" / "config.json", tmp_path)
    settings = settings | {"image_mean": [0.1, 0.2, 0.3], "image_std": [1, 1, 2]}
    source = GOLDEN / "siglip_small" / "model.safetensors"
    file = beside(tmp_path, source, "preprocessor_config.json", settings)
    pixels = towers.describe(file)[1].image.pixels
    assert pixels[:2] == ((0.1, 0.2, 0.3), (1, 1, 2))
    np.testing.assert_array_equal(towers.fit(PICTURE, 8, pixels), want)


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


def said(name, **change):
    """config.json of CLIP or SigLIP with other values of SECTION__SETTING; None: left out."""
    config = json.loads((GOLDEN / name / "config.json").read_text())
    for key, value in change.items():
        *section, setting = key.split("__")
        place = config[section[0]] if section else config
        place.pop(setting, None)
        if value is not None:
            place[setting] = value
    return config


@pytest.mark.parametrize("name, change", [
    ("clip_small", {"text_config__num_hidden_layers": 1}),  # their library reads one alone
    ("clip_small", {"vision_config__num_hidden_layers": None}),
    ("clip_small", {"vision_config__image_size": 17}),
    ("clip_small", {"vision_config__num_channels": 1}),
    ("clip_small", {"text_config__max_position_embeddings": 8}),
    ("clip_small", {"projection_dim": 11}),
    ("clip_small", {"model_type": "chinese_clip"}),
    ("clip_small", {"text_config__model_type": "bert"}),
    ("clip_small", {"vision_config__qkv_bias": 1}),
    ("clip_small", {"text_config": {}}),
    ("clip_small", {"text_config_dict": {"hidden_act": "gelu"}}),
    ("siglip_small", {"vision_config__vision_use_head": False}),
    ("siglip_small", {"text_config__projection_size": 8}),
    ("siglip_small", {"text_config__intermediate_size": 21}),
    ("siglip_small", {"quantization_config": {"bits": 4}}),
])  # fmt: skip
def test_another_tower_than_the_tensors_fit_is_refused_by_its_setting(name, change, tmp_path):
    source = GOLDEN / name / "model.safetensors"
    file = beside(tmp_path, source, "config.json", said(name, **change))
    with pytest.raises(UserError) as error:
        towers.describe(file)
    assert "asks for " in str(error.value) and len(str(error.value).splitlines()) == 1


def test_an_end_that_is_left_out_is_what_their_library_takes(tmp_path):
    source = GOLDEN / "clip_small" / "model.safetensors"
    config = said("clip_small", text_config__eos_token_id=None)
    assert towers.describe(beside(tmp_path, source, "config.json", config))[1].text.end == 49407


def test_settings_of_clip_that_are_there_twice_and_agree_are_taken(tmp_path):
    source = GOLDEN / "clip_small" / "model.safetensors"
    config = said("clip_small")
    twice = config | {"text_config_dict": config["text_config"], "vision_config_dict": None}
    want = towers.describe(GOLDEN / "clip_small")
    assert towers.describe(beside(tmp_path, source, "config.json", twice)) == want


# What transformers 4 wrote into every part of such a file.
OLDER = {
    "add_cross_attention": False, "bad_words_ids": None, "chunk_size_feed_forward": 0,
    "diversity_penalty": 0.0, "do_sample": False, "dropout": 0.0, "early_stopping": False,
    "encoder_no_repeat_ngram_size": 0, "id2label": {"0": "LABEL_0"}, "is_decoder": False,
    "is_encoder_decoder": False, "label2id": {"LABEL_0": 0}, "length_penalty": 1.0,
    "max_length": 20, "min_length": 0, "no_repeat_ngram_size": 0, "num_beam_groups": 1,
    "num_beams": 1, "num_return_sequences": 1, "output_attentions": False, "prefix": None,
    "pruned_heads": {}, "remove_invalid_values": False, "repetition_penalty": 1.0,
    "return_dict": True, "return_dict_in_generate": False, "temperature": 1.0,
    "tie_encoder_decoder": False, "tie_word_embeddings": True, "top_k": 50, "top_p": 1.0,
    "torch_dtype": None, "torchscript": False, "typical_p": 1.0, "use_bfloat16": False,
    "_name_or_path": "", "transformers_version": "4.16.0.dev0", "tf_legacy_loss": False,
}  # fmt: skip


@pytest.mark.parametrize("name", ["clip_small", "siglip_small"])
def test_what_no_feature_depends_on_is_passed_over(name, tmp_path):
    config = said(name) | OLDER | {"initializer_factor": 1.0}
    for section in ("text_config", "vision_config"):
        config[section] = OLDER | config[section]
    source = GOLDEN / name / "model.safetensors"
    prepared = {"do_convert_rgb": True, "do_pad": None, "_valid_processor_keys": ["images"],
                "feature_extractor_type": "x", "rescale_factor": 0.00392156862745098}  # fmt: skip
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(prepared))
    found = towers.describe(beside(tmp_path, source, "config.json", config))
    assert found == towers.describe(GOLDEN / name)


def test_a_lone_tower_tells_its_own_settings(tmp_path):
    tensors = load_file(GOLDEN / "clip_small" / "model.safetensors")
    text = {name: array for name, array in tensors.items() if name.startswith("text_")}
    save_file(text, tmp_path / "alone.safetensors")
    config = said("clip_small")["text_config"] | {"projection_dim": 12}
    file = beside(tmp_path, tmp_path / "alone.safetensors", "config.json", config)
    assert towers.describe(file)[1] == Towers(None, towers.describe(GOLDEN / "clip_small")[1].text)
    for wrong in ({"projection_dim": 512}, {"hidden_size": 20}, {"model_type": "clip"}):
        (tmp_path / "config.json").write_text(json.dumps(config | wrong))
        with pytest.raises(UserError, match="asks for|which cannot be"):
            towers.describe(file)


@pytest.mark.parametrize("settings", [
    {"do_normalize": False}, {"do_rescale": False}, {"do_resize": False}, {"do_resize": 1},
    {"rescale_factor": 1 / 127.5}, {"size": 224}, {"size": {"shortest_edge": 16}},
    {"size": {"height": 16, "width": 15}}, {"size": {"longest_edge": 16}}, {"do_pad": True},
    {"do_center_crop": True, "crop_size": 224},
])  # fmt: skip
def test_another_way_to_prepare_pictures_is_refused(settings, tmp_path):
    shutil.copy(GOLDEN / "siglip_small" / "config.json", tmp_path)
    source = GOLDEN / "siglip_small" / "model.safetensors"
    with pytest.raises(UserError) as error:
        towers.describe(beside(tmp_path, source, "preprocessor_config.json", settings))
    assert "asks for " in str(error.value) and len(str(error.value).splitlines()) == 1


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
