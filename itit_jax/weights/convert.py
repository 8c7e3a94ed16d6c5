"""Weights from any layout into any other of the same network; ours where none is named.

python -m itit_jax.weights.convert FILE_OR_DIR --out=DIR --layout=LAYOUT

Every name and shape is checked, and the sizes are printed as config keys.
"""

import contextlib
import json
import math
import pathlib
import re
import sys
from typing import Any, NamedTuple

from configs.commands import Argument, command
from configs.keys import Check, one_of
from data_pipelines.errors import UserError
from data_pipelines.files import check_writable, whole_folder
from itit_jax.weights.layouts import towers
from itit_jax.weights.layouts.kinds import KINDS, OURS

LAYOUTS = (OURS, *(kind for kind in KINDS if kind not in towers.KINDS))
DIGEST = Check(lambda text: re.fullmatch(r"[0-9a-fA-F]{64}", text), "64 hexadecimal digits")
ARGUMENTS = {
    "path": Argument("", "weight file, or folder of config.json and weights", form="PATH"),
    "--out": Argument("", "new or empty folder to write", form="DIR", needed=True),
    "--layout": Argument(OURS, "whose names and shapes", one_of(*LAYOUTS), form="LAYOUT"),
    "--sha256": Argument("", "what the weights must be, as sha256sum says", DIGEST, form="HEX"),
}


@command("itit_jax.weights.convert", "turn weights of any layout into another", ARGUMENTS)
def main(options):
    """Prints what was read, and its sizes."""
    out = pathlib.Path(options.out)
    with _writing(out):
        _check_empty(out)
    check_writable(out, "--out")
    found = read(options.path, options.sha256)
    kind, keys, arrays = found.kind, found.keys, found.arrays
    if keys is None and options.layout != OURS:
        raise UserError(
            f"{options.path} is of a network that only this project has; {options.layout} has no "
            "place for it, so leave --layout out."
        )
    with _writing(out):
        _write(found, options.layout, out)
    count = sum(math.prod(a.shape) for a in arrays.values())
    told = f"{len(arrays)} tensors, {count:,} parameters"
    print(f"{kind}: {told} -> {options.layout} in {out}")
    print(f"sha256 {found.digest} of {options.path}")
    print(json.dumps(keys or {}, indent=1))


class Read(NamedTuple):
    """A whole network of a file or folder."""

    kind: str  # its layout
    keys: dict | None  # its sizes as config keys; None of one that only its run knows
    network: Any
    arrays: dict  # {our path: array}
    digest: str


def read(path, sha256=""):
    """-> Read. sha256: what the weights must be."""
    from itit_jax.weights import checksums, load, sizes  # JAX starts once the flags are known good

    digest = checksums.insist(path, sha256)
    kind, found = load.read(path)
    _check_kind(path, kind)
    keys = sizes.checked(path, kind, found)
    network = None if keys is None else sizes.describe(path, kind, found)[1]
    arrays = {name: tensor.read() for name, tensor in found.items()}
    for name, array in arrays.items():
        load.check_finite(path, name, array)
    return Read(kind, keys, network, arrays, digest)


def _write(found, layout, out):
    """Weights, what their library wants to be told of them, and checksums, whole or not at all."""
    from itit_jax.weights import checksums, load, told
    from itit_jax.weights.containers.find import FILE

    with whole_folder(out) as draft:
        name = told.DIFFUSERS if layout == "diffusers_vq" else FILE[load.container(layout)]
        load.save(found.arrays, layout, draft / name)
        side = 2 ** len(getattr(found.network, "multipliers", ()))
        if config := told.config_of(found.network, layout, side):
            text = json.dumps(config, indent=1) + "\n"
            (draft / "config.json").write_text(text, encoding="utf-8")
        checksums.write(draft)


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
