"""Published weights into our own layout, once: names and shapes checked, sizes printed.

python -m itit_jax.weights.convert FILE_OR_DIR --out=DIR
"""

import argparse
import json
import math
import os
import pathlib
import sys

import numpy as np
from safetensors.numpy import save_file

from data_pipelines.errors import UserError
from itit_jax.weights.layouts import towers
from itit_jax.weights.load import OURS, read


def main(arguments=None):
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="itit_jax.weights.convert", description=__doc__)
    parser.add_argument("path", help="weight file, or folder of config.json and weights")
    parser.add_argument("--out", required=True, help="folder to write")
    options = parser.parse_args(arguments)
    try:
        kind, found = read(options.path)
        if kind in towers.KINDS:
            raise UserError(
                f"{options.path} holds towers ({kind}), which are used as they were published; "
                "give the folder to itit_jax.evaluation.clip_score."
            )
        arrays = {n: np.asarray(t.read(), order="C") for n, t in found.items()}
    except UserError as error:
        print(f"itit_jax: {error}", file=sys.stderr)
        return 2
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    fresh = out / "model.safetensors.new"
    save_file(arrays, fresh, {"format": OURS, "kind": kind})
    os.replace(fresh, out / "model.safetensors")
    count = sum(math.prod(a.shape) for a in arrays.values())
    print(f"{kind}: {len(arrays)} tensors, {count:,} parameters -> {out}")
    print(json.dumps(sizes(found), indent=1))
    return 0


def sizes(found):
    """Sizes of the model, under the names of the config keys."""
    if "token_embedding" in found:
        layers = sum(name.endswith("/attention_norm/scale") for name in found)
        heads = found["relative_bias"].shape[1]
        inner = found["encoder/layers_0/attention/query/kernel"].shape[1]
        return {
            "model.vocabulary_size": found["token_embedding"].shape[0],
            "text_encoder.layers": layers,
            "text_encoder.width": found["token_embedding"].shape[1],
            "text_encoder.mlp_width": found["encoder/layers_0/mlp/wi_0/kernel"].shape[1],
            "text_encoder.heads": heads,
            "text_encoder.head_width": inner // heads,
        }
    base = found["encoder/conv_in/kernel"].shape[-1]
    first = [n for n in found if n.startswith("encoder/down_") and n.endswith("block_0/conv1/bias")]
    codes, width = found["quantize/embedding"].shape
    return {
        "model.base_channels": base,
        "model.channel_multipliers": [found[n].shape[0] // base for n in sorted(first)],
        "model.res_blocks": sum(n.startswith("encoder/down_0_block_") and n.endswith("conv1/bias")
                                for n in found),
        "model.latent_channels": found["encoder/conv_out/bias"].shape[0],
        "model.codes": codes,
        "model.code_width": width,
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
