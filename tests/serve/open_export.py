"""Opens an export with transformers and diffusers and compares. Needs torch, not this project.

python tests/serve/open_export.py --export=FOLDER --out=results/parity.json

FOLDER and FOLDER.npz are what tests/serve/exported.py wrote, FOLDER_clip and FOLDER_siglip too. OUT
gets a key "export" more.
The references compute in float64, so that a difference is our own rounding or a fault.
"""

import argparse
import json
import pathlib
import sys

import numpy as np
import torch
from diffusers import VQModel
from PIL import Image
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer, T5EncoderModel

TOLERANCE = 1e-5  # largest difference over the largest magnitude, ours in float32


def text_encoder(folder, arrays):
    """Keys that are missing or too many, and the difference of the features."""
    model, info = T5EncoderModel.from_pretrained(
        folder, subfolder="text_encoder", output_loading_info=True
    )
    ids, mask = (torch.from_numpy(arrays[name]).long() for name in ("ids", "valid"))
    model = model.double().eval()
    features = model(input_ids=ids, attention_mask=mask).last_hidden_state.numpy()
    read = arrays["valid"]  # what stands at padding is never used
    return _keys(info) | {"features": _relative(arrays["features"][read], features[read])}


def vqvae(folder, arrays):
    """The same of the image tokenizer, from pixels to codes and back."""
    model, info = VQModel.from_pretrained(folder, subfolder="vqvae", output_loading_info=True)
    model = model.double().eval()
    latents = model.encode(_first(arrays["pixels"])).latents
    _, _, (_, _, codes) = model.quantize(latents)
    same = codes.numpy().reshape(arrays["codes"].shape) == arrays["codes"]
    decoded = model.decode(_first(arrays["latents"])).sample  # which quantises first
    return _keys(info) | {
        "latents": _relative(arrays["latents"], _last(latents)),
        "decoded": _relative(arrays["decoded"], _last(decoded)),
        "share_of_other_ids": float(1 - same.mean()),
    }


def tokenizer(folder, arrays):
    """Share of the texts that get other ids."""
    opened = AutoTokenizer.from_pretrained(folder, subfolder="tokenizer")
    other = [
        opened(str(text)).input_ids != [int(i) for i in ids if i]
        for text, ids in zip(arrays["texts"], arrays["ids"])
    ]
    return {"share_of_texts_with_other_ids": float(np.mean(other))}


def towers(folder, arrays):
    """Keys that are missing or too many, and the differences of features and logits, and of a
    picture that is prepared. Texts go the whole way, through tokenizer and padding."""
    model, info = AutoModel.from_pretrained(folder, subfolder="tower", output_loading_info=True)
    words = AutoTokenizer.from_pretrained(folder, subfolder="tokenizer")
    texts = words([*map(str, arrays["texts"])], padding="max_length", return_tensors="pt")
    found = model.double().eval()(**texts, pixel_values=_first(arrays["pixels"]))
    pictures = AutoImageProcessor.from_pretrained(folder, subfolder="tower")
    prepared = pictures(Image.fromarray(arrays["picture"]), return_tensors="pt").pixel_values
    unit = lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True)
    return _keys(info) | {
        "image": _relative(unit(arrays["image"]), found.image_embeds.numpy()),
        "text": _relative(unit(arrays["text"]), found.text_embeds.numpy()),
        "logits": _relative(arrays["logits"], found.logits_per_image.numpy()),
        "prepared": _relative(arrays["prepared"], _last(prepared)[0]),
    }


def _keys(info):
    return {
        "missing_keys": len(info["missing_keys"]),
        "unexpected_keys": len(info["unexpected_keys"]),
    }


def _first(x):
    """Channels first, as a tensor of doubles."""
    return torch.from_numpy(x).double().permute(0, 3, 1, 2)


def _last(x):
    return x.permute(0, 2, 3, 1).numpy()


def _relative(ours, theirs):
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


@torch.no_grad()
def main():
    """Prints and files the differences; returns 1 where one is too large or NaN."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--export", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    arrays = dict(np.load(f"{options.export}.npz"))
    opened = (text_encoder, vqvae, tokenizer)
    found = {part.__name__: part(options.export, arrays) for part in opened}
    for family in ("clip", "siglip"):
        folder = f"{options.export}_{family}"
        found[family] = towers(folder, dict(np.load(f"{folder}.npz")))
    file = pathlib.Path(options.out)
    table = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(table | {"export": found}, indent=1) + "\n")
    print(json.dumps(found, indent=1))
    return int(not all(value <= TOLERANCE for part in found.values() for value in part.values()))


if __name__ == "__main__":
    sys.exit(main())
