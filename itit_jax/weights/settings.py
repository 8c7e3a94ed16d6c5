"""Whether the config.json beside weights is of the network that their tensors are taken for.

With another activation or epsilon every tensor still fits, and of fewer layers the library reads
only those that it is told of: the features are others. What is said is compared with our network,
setting by setting; what our networks cannot do is refused by its name, and so is every setting that
nobody here knows.
"""

from typing import NamedTuple

from data_pipelines.errors import UserError
from itit_jax.weights import sizes, told
from itit_jax.weights.containers.find import read_config
from itit_jax.weights.containers.plain_json import shown

# Of a library's own affairs, its training, its generation and its words: no output depends on it.
ASIDE = {
    "architectures", "transformers_version", "torch_dtype", "dtype", "use_cache",
    "is_encoder_decoder", "tie_word_embeddings", "tie_encoder_decoder",
    "scale_decoder_outputs", "task_specific_params", "gradient_checkpointing", "torchscript",
    "output_past", "output_attentions", "output_hidden_states", "output_scores", "return_dict",
    "return_dict_in_generate", "use_bfloat16", "chunk_size_feed_forward", "pad_token_id",
    "eos_token_id", "bos_token_id", "sep_token_id", "decoder_start_token_id", "tokenizer_class",
    "id2label", "label2id", "num_labels", "problem_type", "finetuning_task", "prefix",
    "initializer_range", "initializer_factor", "dropout_rate", "classifier_dropout", "attn_pdrop",
    "embd_pdrop", "resid_pdrop", "attention_dropout", "dropout", "summary_activation",
    "summary_first_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj",
    "max_length", "min_length", "do_sample", "early_stopping", "num_beams", "num_beam_groups",
    "diversity_penalty", "temperature", "top_k", "top_p", "typical_p", "repetition_penalty",
    "length_penalty", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size",
    "num_return_sequences", "remove_invalid_values", "n_positions", "n_ctx", "num_decoder_layers",
    "predict_special_tokens", "sample_size", "scaling_factor", "force_upcast",
    "lookup_from_codebook", "resolution", "attn_resolutions", "resample_with_conv",
    "commitment_cost",
}  # fmt: skip
# Where these are null they are as if they were left out.
NULL = ("vq_embed_dim", "n_inner", "projection_size")


class Said(NamedTuple):
    """What a library's config.json may say of a network."""

    silent: dict  # {setting that is compared: what the library takes where it is left out}
    equal: dict = {}  # {setting: other values that mean the same}


T5 = Said(
    {
        "model_type": "t5", "vocab_size": 32128, "d_model": 512, "d_kv": 64, "d_ff": 2048,
        "num_layers": 6, "num_heads": 8, "feed_forward_proj": "relu", "dense_act_fn": "gelu_new",
        "is_gated_act": True, "relative_attention_num_buckets": 32,
        "relative_attention_max_distance": 128, "layer_norm_epsilon": 1e-6, "is_decoder": False,
    },
    {"model_type": ("mt5",), "feed_forward_proj": ("gated-gelu_new",)},
)  # fmt: skip
GPT2 = Said(
    {
        "model_type": "gpt2", "vocab_size": 50257, "n_positions": 1024, "n_embd": 768,
        "n_layer": 12, "n_head": told.GPT2_HEADS, "n_inner": None,
        "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5, "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False, "reorder_and_upcast_attn": False,
        "add_cross_attention": False, "tie_word_embeddings": True,
    },
    {"activation_function": ("gelu_pytorch_tanh",)},
)  # fmt: skip
VQMODEL = Said(
    {
        "in_channels": 3, "out_channels": 3, "down_block_types": ["DownEncoderBlock2D"],
        "up_block_types": ["UpDecoderBlock2D"], "block_out_channels": [64], "layers_per_block": 1,
        "act_fn": "silu", "latent_channels": 3, "num_vq_embeddings": 256, "norm_num_groups": 32,
        "vq_embed_dim": None, "norm_type": "group", "mid_block_add_attention": True,
    },
    {"act_fn": ("swish",)},
)  # fmt: skip
MUSE = Said(
    {
        "num_channels": 3, "hidden_channels": 128, "channel_mult": [1, 1, 2, 2, 4],
        "num_res_blocks": 2, "z_channels": 256, "num_embeddings": 1024, "quantized_embed_dim": 256,
    },
)  # fmt: skip
NETWORKS = {"t5": T5, "gpt2": GPT2, "diffusers_vq": VQMODEL, "open_muse": MUSE}


def check(path, kind, found):
    """Refuses the settings beside weights {our path: Tensor} of this layout if they are not those
    of the network that these tensors fit.

    Weights without any settings are taken for what their layout usually is.
    """
    config = read_config(path)
    if not config or kind not in NETWORKS:
        return
    network = sizes.describe(path, kind, found)[1]
    ours = told.config_of(network, kind, 2 ** len(getattr(network, "multipliers", ())))
    if ours is None:
        groups = config.get("norm_num_groups", 32)
        raise refused(path, "norm_num_groups", groups, "differs by level here")
    compare(path, config, ours, NETWORKS[kind])


def compare(path, config, ours, said, aside=()):
    """Refuses a config that says another network than `ours`, both {setting: value}."""
    for name, silent in said.silent.items():
        value = config.get(name, silent)
        if value is None and name in NULL:
            value = silent = _derived(name, ours)
        mine = (ours.get(name, silent), *said.equal.get(name, ()))
        if not any(type(value) is type(each) and value == each for each in mine):
            raise refused(path, name, value, f"is {' or '.join(map(str, mine))} here")
    known = ASIDE | said.silent.keys() | {*aside}
    for name, value in config.items():
        strange = name not in known and not name.startswith("_")
        if strange and value not in (None, False, 0, "", [], {}):
            raise refused(path, name, value, "is not known here")


def _derived(name, ours):
    """What a library takes where such a setting is null."""
    if name == "n_inner":
        return 4 * ours["n_embd"]
    return ours["latent_channels" if name == "vq_embed_dim" else "hidden_size"]


def refused(path, name, value, ours, file="config.json"):
    """UserError on one setting."""
    return UserError(
        f"{file} beside {path} asks for {shown(name)} = {shown(value)}, which {ours}; "
        f"give other weights, or the {file} that is theirs."
    )
