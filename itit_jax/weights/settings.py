"""What the config.json beside weights says of their network and no tensor does.

With another activation or epsilon every tensor still fits, and the features are others: what our
networks cannot do is refused by its name, and so is every setting that nobody here knows.
"""

import math

from data_pipelines.errors import UserError
from itit_jax.weights.containers.find import read_config

# Of a library's own affairs, its training, its generation and its words: no output depends on it.
ASIDE = {
    "architectures", "transformers_version", "torch_dtype", "dtype", "use_cache",
    "is_encoder_decoder", "is_decoder", "add_cross_attention", "tie_word_embeddings",
    "tie_encoder_decoder",
    "scale_decoder_outputs", "task_specific_params", "gradient_checkpointing", "torchscript",
    "output_past", "output_attentions", "output_hidden_states", "output_scores", "return_dict",
    "return_dict_in_generate", "use_bfloat16", "chunk_size_feed_forward", "pad_token_id",
    "eos_token_id", "bos_token_id", "sep_token_id", "decoder_start_token_id", "tokenizer_class",
    "id2label", "label2id", "num_labels", "problem_type", "finetuning_task", "prefix",
    "initializer_range", "initializer_factor", "dropout_rate", "classifier_dropout", "attn_pdrop",
    "embd_pdrop", "resid_pdrop", "summary_activation", "summary_first_dropout",
    "summary_proj_to_labels", "summary_type", "summary_use_proj", "max_length", "min_length",
    "do_sample", "early_stopping", "num_beams", "num_beam_groups", "diversity_penalty",
    "temperature", "top_k", "top_p", "typical_p", "repetition_penalty", "length_penalty",
    "no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "num_return_sequences",
    "remove_invalid_values",
}  # fmt: skip
# What the tensors say as well.
T5_SIZES = {"d_model", "d_kv", "d_ff", "num_layers", "num_decoder_layers", "num_heads",
            "vocab_size", "n_positions"}  # fmt: skip
VQ_SIZES = {"sample_size", "in_channels", "out_channels", "block_out_channels",
            "layers_per_block", "latent_channels", "num_vq_embeddings", "vq_embed_dim",
            "mid_block_add_attention", "force_upcast", "lookup_from_codebook",
            "scaling_factor"}  # fmt: skip
GPT2_SIZES = {"n_ctx", "n_embd", "n_inner", "n_layer", "n_head", "n_positions", "vocab_size"}


# Layout: (sizes, {setting: (what our networks do, what the library takes where it is silent)}).
NETWORKS = {
    "t5": (
        T5_SIZES,
        {
            "model_type": (("t5", "mt5"), "t5"),
            "feed_forward_proj": (("gated-gelu", "gated-gelu_new"), "relu"),
            "dense_act_fn": (("gelu_new",), "gelu_new"),
            "is_gated_act": ((True,), True),
            "relative_attention_num_buckets": ((32,), 32),
            "relative_attention_max_distance": ((128,), 128),
            "layer_norm_epsilon": ((1e-6,), 1e-6),
        },
    ),
    "diffusers_vq": (
        VQ_SIZES,
        {
            "act_fn": (("silu", "swish"), "silu"),
            "norm_type": (("group",), "group"),
        },
    ),
    "gpt2": (
        GPT2_SIZES,
        {
            "model_type": (("gpt2",), "gpt2"),
            "activation_function": (("gelu_new", "gelu_pytorch_tanh"), "gelu_new"),
            "layer_norm_epsilon": ((1e-5,), 1e-5),
            "scale_attn_weights": ((True,), True),
        },
    ),
}
BLOCKS = {"down_block_types": "DownEncoderBlock2D", "up_block_types": "UpDecoderBlock2D"}


def check(path, kind):
    """Refuses the settings beside weights of this layout that our networks do not follow.

    Weights without any settings are taken for what their layout usually is.
    """
    config = read_config(path)
    if not config or kind not in NETWORKS:
        return
    sizes, known = NETWORKS[kind]
    for name, (ours, silent) in known.items():
        value = config.get(name, silent)
        if not any(type(value) is type(each) and value == each for each in ours):
            raise _refused(path, name, value, f"is {' or '.join(map(str, ours))} here")
    if kind == "diffusers_vq":
        _check_tokenizer(path, config)
        known = known | dict.fromkeys((*BLOCKS, "norm_num_groups"))
    for name, value in config.items():
        strange = name not in ASIDE | sizes | known.keys() and not name.startswith("_")
        if strange and value not in (None, False, 0, "", [], {}):
            raise _refused(path, name, value, "is not known here")


def _check_tokenizer(path, config):
    groups, widths = config.get("norm_num_groups", 32), config.get("block_out_channels", [64])
    sound = type(widths) is list and all(type(width) is int for width in widths)
    usual = {math.gcd(32, width) for width in widths} if sound else {}
    if [*usual] != [groups]:
        raise _refused(path, "norm_num_groups", groups, f"is {min(usual, default=32)} here")
    for name, block in BLOCKS.items():
        kinds = config.get(name, [block])
        if type(kinds) is not list or any(kind not in (block, f"Attn{block}") for kind in kinds):
            raise _refused(path, name, kinds, f"is of {block} and Attn{block} here")


def _refused(path, name, value, ours):
    return UserError(
        f"config.json beside {path} asks for {name} = {str(value)[:60]}, which {ours}; "
        "give other weights."
    )
