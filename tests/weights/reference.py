"""Random weights, inputs and outputs of the reference libraries. Needs torch, not this project.

python tests/weights/reference.py --out=tests/weights/golden --seed=0
"""

import argparse
import importlib.metadata
import json
import pathlib

import numpy as np
import reference_towers
import torch
from diffusers import VQModel
from reference_tokenizers import MASKGIT, TAMING, maskgit, taming
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel, T5Config, T5EncoderModel

# vocabulary, width, mlp width, layers, heads, head width
T5 = {"t5_small": (23, 12, 20, 2, 3, 5), "t5_wide": (40, 32, 48, 3, 4, 8)}
# base, multipliers, blocks, latent channels, codes, code width, resolution of the attention
VQ = {
    "vq_attention": (32, (1, 2), 1, 6, 11, 4, 8),
    "vq_plain": (32, (1, 1), 2, 8, 16, 8, 0),
}
# vocabulary, width, layers, heads, positions
GPT2 = {"gpt2_small": (23, 12, 2, 3, 10), "gpt2_wide": (40, 32, 3, 4, 12)}
SIDE = 16  # pixels
LIBRARIES = ("torch", "transformers", "diffusers", "taming-transformers-rom1504")


def t5(vocabulary, width, mlp_width, layers, heads, head_width):
    config = T5Config(
        vocab_size=vocabulary, d_model=width, d_ff=mlp_width, num_layers=layers, num_heads=heads,
        d_kv=head_width, feed_forward_proj="gated-gelu", dropout_rate=0.0,
    )  # fmt: skip
    model = T5EncoderModel(config).eval()
    spread(model)
    ids = torch.randint(2, vocabulary, (3, 40))  # longer than the exact buckets of the bias
    mask = (torch.arange(40)[None] < torch.tensor([[40], [17], [1]])).long()
    ids = ids * mask
    features = model(input_ids=ids, attention_mask=mask).last_hidden_state
    sizes = (vocabulary, width, mlp_width, layers, heads, head_width)
    return model, dict(sizes=sizes, ids=ids, mask=mask, features=features)


def gpt2(vocabulary, width, layers, heads, positions):
    config = GPT2Config(
        vocab_size=vocabulary, n_embd=width, n_layer=layers, n_head=heads, n_positions=positions,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    model = GPT2LMHeadModel(config).eval()
    spread(model)
    prefix = torch.randn(2, 3, width)
    words = torch.randint(0, vocabulary, (2, positions - 3))
    inputs = torch.cat([prefix, model.transformer.wte(words)], dim=1)
    logits = model(inputs_embeds=inputs).logits
    sizes = (vocabulary, width, layers, heads, positions)
    return model, dict(sizes=sizes, prefix=prefix, words=words, logits=logits)


def vq(base, multipliers, blocks, latent, codes, code_width, resolution):
    sides = [SIDE >> level for level in range(len(multipliers))]
    down = [f"{'Attn' if s == resolution else ''}DownEncoderBlock2D" for s in sides]
    up = [name.replace("DownEncoder", "UpDecoder") for name in reversed(down)]
    channels = [base * m for m in multipliers]
    model = VQModel(
        down_block_types=down, up_block_types=up, block_out_channels=channels,
        layers_per_block=blocks, latent_channels=latent, num_vq_embeddings=codes,
        vq_embed_dim=code_width, norm_num_groups=32, mid_block_add_attention=bool(resolution),
    ).eval()  # fmt: skip
    spread(model)
    pixels = torch.rand(2, 3, SIDE, SIDE) * 2 - 1
    latents = model.encode(pixels).latents
    quantised, _, (_, _, ids) = model.quantize(latents)
    decoded = model.decoder(model.post_quant_conv(quantised))
    last = lambda x: x.permute(0, 2, 3, 1)
    return model, dict(
        sizes=(base, blocks, latent, codes, code_width, resolution), multipliers=multipliers,
        pixels=last(pixels), latents=last(latents), ids=ids.reshape(2, -1), decoded=last(decoded),
    )  # fmt: skip


def spread(model):
    """Random numbers everywhere: fresh scales of 1 and biases of 0 would hide a mistake."""
    for name, weight in model.named_parameters():
        if weight.ndim == 1:
            weight.data.copy_(torch.randn_like(weight) * 0.2 + float(name.endswith("weight")))
    if isinstance(model, VQModel):
        model.quantize.embedding.weight.data.normal_()
        for weight in model.parameters():  # exact in 16 bits: half the bytes to keep
            weight.data.copy_(weight.half().float())


def _save(file, arrays):
    np.savez_compressed(file, **{name: np.asarray(array) for name, array in arrays.items()})


@torch.no_grad()
def main():
    """Write every model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    for make, models in ((t5, T5), (vq, VQ), (gpt2, GPT2)):
        for name, sizes in models.items():
            model, arrays = make(*sizes)
            tensors = {k: v.contiguous() for k, v in model.state_dict().items()}
            for again in ("encoder.embed_tokens.weight", "lm_head.weight"):  # another once more
                tensors.pop(again, None)
            if make is vq:
                tensors = {k: v.half() for k, v in tensors.items()}
            save_file(tensors, out / f"{name}.safetensors", {"format": "pt"})
            _save(out / f"{name}.npz", arrays)
    for make, models in ((taming, TAMING), (maskgit, MASKGIT)):
        for name, sizes in models.items():
            tensors, arrays = make(*sizes)
            _save(out / f"{name}.weights.npz", {k: v.half() for k, v in tensors.items()})
            _save(out / f"{name}.npz", arrays)
    reference_towers.write(out, options.seed, spread)
    versions = {p: importlib.metadata.version(p) for p in LIBRARIES}
    (out / "made.json").write_text(json.dumps({"seed": options.seed, **versions}, indent=1) + "\n")


if __name__ == "__main__":
    main()
