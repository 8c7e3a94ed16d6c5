"""Weights from any layout into any other of the same network; ours where none is named.

python -m itit_jax.weights.convert FILE_OR_DIR --out=DIR --layout=LAYOUT

Every name and shape is checked, and the sizes are printed as config keys.
"""

import contextlib
import json
import math
import pathlib
import sys

from configs.commands import Argument, command
from configs.keys import one_of
from data_pipelines.errors import UserError
from data_pipelines.files import check_writable
from itit_jax.weights.layouts import towers
from itit_jax.weights.layouts.kinds import KINDS, OURS

LAYOUTS = (OURS, *(kind for kind in KINDS if kind not in towers.KINDS))
ARGUMENTS = {
    "path": Argument("", "weight file, or folder of config.json and weights", form="PATH"),
    "--out": Argument("", "new or empty folder to write", form="DIR", needed=True),
    "--layout": Argument(OURS, "whose names and shapes", one_of(*LAYOUTS), form="LAYOUT"),
}


@command("itit_jax.weights.convert", "turn weights of any layout into another", ARGUMENTS)
def main(options):
    """Prints what was read, and its sizes."""
    out = pathlib.Path(options.out)
    with _writing(out):
        _check_empty(out)
    check_writable(out, "--out")
    from itit_jax.weights import load, sizes  # JAX starts once the flags are known good
    from itit_jax.weights.containers.find import FILE

    kind, found = load.read(options.path)
    _check_kind(options.path, kind)
    keys = sizes.checked(options.path, kind, found)
    if keys is None and options.layout != OURS:
        raise UserError(
            f"{options.path} is of a network that only this project has; {options.layout} has no "
            "place for it, so leave --layout out."
        )
    arrays = {name: tensor.read() for name, tensor in found.items()}
    with _writing(out):
        load.save(arrays, options.layout, out / FILE[load.container(options.layout)])
    count = sum(math.prod(a.shape) for a in arrays.values())
    told = f"{len(arrays)} tensors, {count:,} parameters"
    print(f"{kind}: {told} -> {options.layout} in {out}")
    print(json.dumps(keys or {}, indent=1))


@contextlib.contextmanager
def _writing(out):
    try:
        yield
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error}); give another --out.") from error


def _check_empty(out):
    # Beside other weights a reader would have to guess which are meant.
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UserError(f"{out} is not an empty folder; give --out=NEW.")


def _check_kind(path, kind):
    if kind in towers.KINDS:
        raise UserError(
            f"{path} holds towers ({kind}), which are used as they were published; "
            "give the folder to itit_jax.evaluation.clip_score."
        )


if __name__ == "__main__":
    sys.exit(main())
