"""Peers that caption pictures word by word over a cache (transformers)."""

import torch

from benchmarks.versus.peers.drawing import parameters


def git(size, batch):
    """GIT, whose decoder reads the states of the picture as a prefix."""
    from transformers import GitConfig, GitForCausalLM

    network = GitForCausalLM(GitConfig(
        vision_config=_picture_encoder(size), vocab_size=size.vocabulary, hidden_size=size.width,
        num_hidden_layers=size.layers, num_attention_heads=size.heads,
        intermediate_size=4 * size.width, bos_token_id=1, eos_token_id=None, pad_token_id=0,
    )).eval()  # fmt: skip
    begin = torch.ones(batch, 1, dtype=torch.long)
    return _call(network, size, batch, input_ids=begin), parameters(network)


def blip(size, batch):
    """BLIP, whose decoder looks at them by attention of its own."""
    from transformers import BlipConfig, BlipForConditionalGeneration

    text = dict(
        vocab_size=size.vocabulary, hidden_size=size.width, encoder_hidden_size=size.width,
        intermediate_size=4 * size.width, num_hidden_layers=size.layers,
        num_attention_heads=size.heads, bos_token_id=2, eos_token_id=1, sep_token_id=1,
        pad_token_id=0, is_decoder=True, use_cache=True,
    )  # fmt: skip
    config = BlipConfig(
        text_config=text, vision_config=_picture_encoder(size), projection_dim=size.width,
        image_text_hidden_size=size.width,
    )  # fmt: skip
    network = BlipForConditionalGeneration(config).eval()
    return _call(network, size, batch), parameters(network)


def _picture_encoder(size):
    return dict(
        hidden_size=size.width, intermediate_size=4 * size.width, num_hidden_layers=size.layers,
        num_attention_heads=size.heads, image_size=16 * size.side, patch_size=16,
    )  # fmt: skip


def _call(network, size, batch, **begin):
    """Greedy, and as many words as there may be."""
    pixels = (batch, 3, 16 * size.side, 16 * size.side)
    length = dict(max_new_tokens=size.caption, min_new_tokens=size.caption)

    def call():
        ids = network.generate(
            pixel_values=torch.randn(pixels), do_sample=False, use_cache=True, **begin, **length
        )
        assert ids.shape == (batch, 1 + size.caption)

    return call
