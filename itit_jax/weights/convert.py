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
from itit_jax.weights import sizes
from itit_jax.weights.containers.find import FILE
from itit_jax.weights.layouts import towers
from itit_jax.weights.layouts.kinds import KINDS
from itit_jax.weights.load import OURS, container, read, save

LAYOUTS = (OURS, *(kind for kind in KINDS if kind not in towers.KINDS))


def main(arguments=None):
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="itit_jax.weights.convert", description=__doc__)
    parser.add_argument("path", help="weight file, or folder of config.json and weights")
    parser.add_argument("--out", required=True, help="new or empty folder to write")
    parser.add_argument("--layout", default=OURS, choices=LAYOUTS)
    options = parser.parse_args(arguments)
    out = pathlib.Path(options.out)
    try:
        kind, found = read(options.path)
        keys = _sizes(options.path, kind, found, options.layout)
        arrays = {name: tensor.read() for name, tensor in found.items()}
        _write(arrays, options.layout, out)
    except UserError as error:
        print(f"itit_jax: {error}", file=sys.stderr)
        return 2
    count = sum(math.prod(a.shape) for a in arrays.values())
    print(f"{kind}: {len(arrays)} tensors, {count:,} parameters -> {options.layout} in {out}")
    print(json.dumps(keys, indent=1))
    return 0


def _write(arrays, layout, out):
    try:
        _check_empty(out)
        save(arrays, layout, out / FILE[container(layout)])
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error}); give another --out.") from error


def _check_empty(out):
    # Beside other weights a reader would have to guess which are meant.
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UserError(f"{out} is not an empty folder; give --out=NEW.")


def _sizes(path, kind, found, layout):
    if kind in towers.KINDS:
        raise UserError(
            f"{path} holds towers ({kind}), which are used as they were published; "
            "give the folder to itit_jax.evaluation.clip_score."
        )
    keys = sizes.checked(path, kind, found)
    if keys is None and layout != OURS:
        raise UserError(
            f"{path} is of a network that only this project has; {layout} has no place for it, so "
            "leave --layout out."
        )
    return keys or {}


if __name__ == "__main__":
    sys.exit(main())
