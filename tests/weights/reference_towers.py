"""Random CLIP and SigLIP models of transformers, saved as it saves them, with inputs and outputs.

Part of tests/weights/reference.py. Each is a folder NAME of config.json and model.safetensors, and
NAME.npz of pixels, ids, features, logits, and a picture before and after the image processor.
"""

import numpy as np
import torch
from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

PICTURE = (37, 23)  # pixels
CLIP = {
    "clip_small": dict(
        text_config=dict(vocab_size=29, hidden_size=16, intermediate_size=20, num_hidden_layers=2,
            num_attention_heads=2, max_position_embeddings=9, eos_token_id=28),
        vision_config=dict(hidden_size=20, intermediate_size=24, num_hidden_layers=2,
            num_attention_heads=5, image_size=16, patch_size=8),
        projection_dim=12,
    ),
    "clip_gelu": dict(  # as LAION's, and with the old settings of the end
        text_config=dict(vocab_size=31, hidden_size=24, intermediate_size=32, num_hidden_layers=3,
            hidden_act="gelu", max_position_embeddings=12, eos_token_id=2),
        vision_config=dict(hidden_size=36, intermediate_size=40, num_hidden_layers=1,
            hidden_act="gelu", image_size=12, patch_size=4),
        projection_dim=8,
    ),
}  # fmt: skip
SIGLIP = {
    "siglip_small": dict(
        text_config=dict(vocab_size=23, hidden_size=12, intermediate_size=20, num_hidden_layers=2,
            num_attention_heads=3, max_position_embeddings=7),
        vision_config=dict(hidden_size=12, intermediate_size=16, num_hidden_layers=2,
            num_attention_heads=2, image_size=16, patch_size=8),
    ),
    "siglip_wide": dict(
        text_config=dict(vocab_size=30, hidden_size=24, intermediate_size=40, num_hidden_layers=1,
            max_position_embeddings=10, projection_size=36),
        vision_config=dict(hidden_size=36, intermediate_size=48, num_hidden_layers=3,
            image_size=15, patch_size=5),
    ),
}  # fmt: skip


def write(out, seed, spread):
    """Write every model into the folder `out`; `spread` moves what starts at 0 and 1."""
    torch.manual_seed(seed)
    for name, sizes in CLIP.items():
        _write(out, name, CLIPModel(CLIPConfig(**sizes)).eval(), spread)
    for name, sizes in SIGLIP.items():
        _write(out, name, SiglipModel(SiglipConfig(**sizes)).eval(), spread)


def _write(out, name, model, spread):
    spread(model)
    for weight in model.parameters():  # fresh embeddings of 0.02 would hide behind the others
        if weight.ndim > 1:
            weight.data.mul_(0.3 / weight.std())
    text, vision = model.config.text_config, model.config.vision_config
    pixels = torch.randn(3, 3, vision.image_size, vision.image_size)
    ids = torch.randint(1, text.vocab_size - 1, (4, text.max_position_embeddings))
    if name.startswith("clip"):
        for row, place in zip(ids, (1, 3, 5, text.max_position_embeddings - 1)):
            row[place] = row[-1] = text.vocab_size - 1  # the first end counts
    found = model(input_ids=ids, pixel_values=pixels)
    # Away from 0 and 255: versions of Pillow differ in where they clip.
    picture = torch.randint(64, 192, (*PICTURE, 3)).byte().numpy()
    processor = CLIPImageProcessorPil if name.startswith("clip") else SiglipImageProcessorPil
    side = vision.image_size
    square = {"height": side, "width": side}
    sizes = (
        dict(size={"shortest_edge": side}, crop_size=square)
        if name.startswith("clip")
        else dict(size=square)
    )
    prepared = processor(**sizes)(picture, return_tensors="np")["pixel_values"]
    model.save_pretrained(out / name)
    last = lambda x: np.moveaxis(np.asarray(x), 1, -1)
    np.savez_compressed(
        out / f"{name}.npz",
        pixels=last(pixels),
        ids=ids,
        image=_pooled(model.get_image_features(pixel_values=pixels)),
        text=_pooled(model.get_text_features(input_ids=ids)),
        logits=found.logits_per_image,
        picture=picture,
        prepared=last(prepared)[0],
    )


def _pooled(found):
    return getattr(found, "pooler_output", found)
