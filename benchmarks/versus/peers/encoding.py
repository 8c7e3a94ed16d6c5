"""The text encoder of transformers."""

import torch

from benchmarks.versus.peers.drawing import parameters


def t5(size, batch):
    """T5 1.1's encoder."""
    from transformers import T5Config, T5EncoderModel

    network = T5EncoderModel(T5Config(
        vocab_size=size.vocabulary, d_model=size.width, d_ff=size.width * 8 // 3, d_kv=64,
        num_layers=size.layers, num_heads=size.heads, feed_forward_proj="gated-gelu",
        is_encoder_decoder=False, use_cache=False,
    )).eval()  # fmt: skip
    shape = (batch, size.words)

    @torch.no_grad()
    def call():
        ids = torch.randint(0, size.vocabulary, shape)
        network(input_ids=ids, attention_mask=torch.ones(shape, dtype=torch.long))

    return call, parameters(network)
