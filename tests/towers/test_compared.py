"""config.json beside CLIP and SigLIP is of the towers that their tensors fit, or refused."""

import json

import pytest
from safetensors.numpy import load_file, save_file

from data_pipelines.errors import UserError
from itit_jax.models.towers import Towers
from itit_jax.towers import published as towers
from tests.towers.folders import GOLDEN, beside, said


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
