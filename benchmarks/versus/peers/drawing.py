"""Peers that draw in parallel rounds, given text features; pictures are left as token ids."""

import sys
from unittest import mock

import torch


def uvit2d(size, batch):
    """aMUSEd's transformer without the convolutions around it, and its scheduler (diffusers)."""
    from diffusers import AmusedScheduler

    network = uvit2d_network(size).eval()
    scheduler = AmusedScheduler(mask_token_id=network.mask_id)

    @torch.no_grad()
    def call():
        told = uvit2d_condition(size, batch)
        scheduler.set_timesteps(size.rounds, (2, 0))
        ids = torch.full((batch, size.side, size.side), network.mask_id)
        for step in scheduler.timesteps:
            ids = scheduler.step(network(ids, **told), step, ids).prev_sample
        assert int(ids.max()) < size.codes

    return call, parameters(network)


def muse(size, batch):
    """MaskGit.generate of muse-maskgit-pytorch, its text encoder and picture decoder left out."""
    network = muse_network(size)
    from muse_maskgit_pytorch import MaskGit, VQGanVAE
    from muse_maskgit_pytorch import muse_maskgit_pytorch as inner

    inner.tqdm = lambda rounds, **_: rounds
    pictures = VQGanVAE(
        dim=16, codebook_size=size.codes, vq_kwargs=dict(codebook_size=size.codes),
        lookup_free_quantization=True, use_vgg_and_gan=False,
    )  # fmt: skip
    model = MaskGit(image_size=16 * size.side, transformer=network, vae=pictures).eval()
    model.vae.decode_from_ids = lambda ids: ids
    network.encode_text = lambda texts: torch.randn(batch, size.words, size.features)

    def call():
        ids = model.generate([""] * batch, fmap_size=size.side, timesteps=size.rounds, cond_scale=1)
        assert ids.shape == (batch, size.side, size.side)

    return call, parameters(network)


def uvit2d_network(size):
    from diffusers import UVit2DModel

    network = UVit2DModel(
        hidden_size=size.width, in_channels=size.width, block_out_channels=size.width,
        num_res_blocks=0, block_num_heads=size.heads, num_hidden_layers=size.layers,
        num_attention_heads=size.heads, intermediate_size=size.width * 8 // 3,
        cond_embed_dim=size.features, encoder_hidden_size=size.features,
        vocab_size=size.codes + 64, codebook_size=size.codes, sample_size=size.side,
    )  # fmt: skip
    network.mask_id = size.codes + 63
    return network


def uvit2d_condition(size, batch):
    """Text features and what else it reads beside the tokens."""
    return dict(
        encoder_hidden_states=torch.randn(batch, size.words, size.features),
        pooled_text_emb=torch.randn(batch, size.features),
        micro_conds=torch.tensor([[256.0, 256.0, 0.0, 0.0, 6.0]]).expand(batch, -1),
    )


def muse_network(size):
    without_torchvision()
    from muse_maskgit_pytorch import MaskGitTransformer, t5

    t5.T5_CONFIGS["given"] = dict(config=t5.T5Config(d_model=size.features))
    return MaskGitTransformer(
        num_tokens=size.codes, seq_len=size.side**2, dim=size.width, depth=size.layers,
        heads=size.heads, dim_head=size.width // size.heads, ff_mult=4, t5_name="given",
        flash=False,
    )  # fmt: skip


def without_torchvision():
    """muse-maskgit-pytorch imports torchvision, and uses nothing of it to draw or to train."""
    # Before the stand-in is there, since these look whether they can use torchvision.
    import accelerate  # noqa: F401
    import ema_pytorch  # noqa: F401
    import vector_quantize_pytorch  # noqa: F401
    from transformers import T5Config, T5EncoderModel, T5Tokenizer  # noqa: F401

    for name in ("", ".transforms", ".datasets", ".utils"):
        sys.modules.setdefault(f"torchvision{name}", mock.MagicMock())


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())
