"""Weights from any layout into any other of the same network; ours where none is named.

python -m itit_jax.weights.convert FILE_OR_DIR --out=DIR --layout=LAYOUT

Every name and shape is checked, and the sizes are printed as config keys.
"""

import argparse
import json
import math
import pathlib
import sys

from data_pipelines.errors import UserError
from itit_jax.weights.files import FILE
from itit_jax.weights.layouts.kinds import KINDS
from itit_jax.weights.load import OURS, container, read, save

LAYOUTS = {"taming": "taming", "maskgit": "maskgit", "open_muse": "maskgit"}
LAYOUTS["diffusers_vq"] = "amused for aMUSEd's (pixels in [0, 1]), else taming"


def main(arguments=None):
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="itit_jax.weights.convert", description=__doc__)
    parser.add_argument("path", help="weight file, or folder of config.json and weights")
    parser.add_argument("--out", required=True, help="folder to write")
    parser.add_argument("--layout", default=OURS, choices=(OURS, *KINDS))
    options = parser.parse_args(arguments)
    out = pathlib.Path(options.out)
    try:
        kind, found = read(options.path)
        arrays = {name: tensor.read() for name, tensor in found.items()}
        _check_empty(out, options.layout)
        out.mkdir(parents=True, exist_ok=True)
        save(arrays, options.layout, out / FILE[container(options.layout)])
    except UserError as error:
        print(f"itit_jax: {error}", file=sys.stderr)
        return 2
    count = sum(math.prod(a.shape) for a in arrays.values())
    print(f"{kind}: {len(arrays)} tensors, {count:,} parameters -> {options.layout} in {out}")
    print(json.dumps(sizes(kind, found), indent=1))
    return 0


def _check_empty(out, layout):
    if not FILE[container(layout)] and out.is_dir() and any(out.iterdir()):
        raise UserError(f"{out} is not empty, and {layout} is a whole folder; give --out=NEW.")


def sizes(kind, found):
    """Sizes of the model, under the names of the config keys."""
    if "token_embedding" in found:
        return _t5_sizes(found)
    if "encoder/conv_in/kernel" in found and "quantize/embedding" in found:
        return _tokenizer_sizes(kind, found)
    return {}  # a file of our own: its run has the config


def _t5_sizes(found):
    heads = found["relative_bias"].shape[1]
    width, inner = found["encoder/layers_0/attention/query/kernel"].shape
    return {
        "model.vocabulary_size": found["token_embedding"].shape[0],
        "text_encoder.layers": sum(name.endswith("/attention_norm/scale") for name in found),
        "text_encoder.width": width,
        "text_encoder.mlp_width": found["encoder/layers_0/mlp/wi_0/kernel"].shape[1],
        "text_encoder.heads": heads,
        "text_encoder.head_width": inner // heads,
    }


def _tokenizer_sizes(kind, found):
    base = found["encoder/conv_in/kernel"].shape[-1]
    blocks = [n for n in found if n.startswith("encoder/down_") and n.endswith("/conv1/kernel")]
    first = [n for n in blocks if "_block_0/" in n]
    codes, width = found["quantize/embedding"].shape
    keys = {
        "model.layout": LAYOUTS.get(kind, "as it was"),
        "model.base_channels": base,
        "model.channel_multipliers": [found[n].shape[-1] // base for n in sorted(first)],
        "model.res_blocks": len(blocks) // len(first),
        "model.latent_channels": found["encoder/conv_out/bias"].shape[0],
        "model.codes": codes,
        "model.code_width": width,
    }
    if not any("attn_" in name for name in found):
        keys["model.attention_resolutions"] = []
    return keys


if __name__ == "__main__":
    sys.exit(main())
