"""The reference libraries on other settings than the usual ones, in config.json beside weights.

python tests/weights/reference_settings.py --out=build/settings --seed=0

Needs torch, not this project. NETWORK/NUMBER/ is a folder as the library reads it, NUMBER.npz what
it gave; table.json says which setting each changes, and by how much its outputs changed. Where the
tensors fit another value, they are those of the base: no tensor tells then.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import warnings

import diffusers
import numpy as np
import settings_bases
import settings_pictures
import torch
import transformers
from library_settings import LEFT_OUT

DRAWN = 20  # configs of each network with several other settings at once
BASES = settings_bases.BASES | settings_pictures.BASES


def write(base, out, draw):
    """Rows of one network; its folders lie in `out`."""
    start = out / "base"
    model = base.fresh(base.config)
    base.save(model, start)
    told = json.loads((start / base.file).read_text())
    usual = base.outputs(model)
    rows = [_row(base, out, "(the base)", {}, told, usual)]
    shapes = _shapes(model)
    changes = [{key: value} for key in base.names() for value in base.others(key, told)]
    for change in changes + _several(changes, draw):
        name = ", ".join(f"{'.'.join(key)} = {value}" for key, value in change.items())
        rows.append(_row(base, out, name, change, _changed(told, change), usual))
    for row in rows:
        if made := row.pop("made", None):
            row["other_shapes"] = made != shapes
    return rows


def _shapes(model):
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def _several(changes, draw):
    """DRAWN unions of some of the changes."""
    found = []
    for _ in range(DRAWN):
        some = draw.sample(changes, draw.randint(2, 4))
        found.append({key: value for each in some for key, value in each.items()})
    return found


def _changed(told, change):
    told = json.loads(json.dumps(told))
    for (*sections, name), value in change.items():
        place = told
        for section in sections:
            place = place.setdefault(section, {})
        if value == LEFT_OUT:
            place.pop(name, None)
        else:
            place[name] = value
    return told


def _row(base, out, name, change, told, usual):
    """One file of settings beside the tensors of the base, and beside its own if those fit not."""
    folder = out / f"{len(list(out.iterdir())):04}"
    folder.mkdir()
    (folder / base.file).write_text(json.dumps(told))
    for file in (out / "base").iterdir():
        if file.name != base.file:
            os.link(file, folder / file.name)
    row = {"name": name, "folder": folder.name, "settings": [".".join(key) for key in change]}
    row["values"] = [json.dumps(value) for value in change.values()]
    try:
        model, fits = base.opened(folder)
        found = base.outputs(model) if fits else None
    except Exception as error:  # whatever the library thinks of it
        model, fits, found = None, False, None
        row["library"] = type(error).__name__
    if found is None:
        return row | {"tensors": "others", **_own_tensors(base, out, folder, told)}
    np.savez_compressed(out / f"{folder.name}.npz", **found)
    return row | {"tensors": "fit", "change": _change(usual, found)}


def _own_tensors(base, out, folder, told):
    """Fresh tensors of these settings in a folder beside it, if there is such a network."""
    own = out / f"{folder.name}-own"
    try:
        model = base.fresh(base.read(told))
        found = base.outputs(model)
        base.save(model, own)
    except Exception as error:
        shutil.rmtree(own, ignore_errors=True)
        return {"own": f"refused by the library ({type(error).__name__})"}
    (own / base.file).write_text(json.dumps(told))  # as it was asked for
    np.savez_compressed(out / f"{own.name}.npz", **found)
    return {"own": own.name, "made": _shapes(model)}


def _change(usual, found):
    """Largest difference of any output over its largest magnitude; None if not of one shape."""
    worst = 0.0
    for name, value in usual.items():
        if name in settings_bases.INPUTS:
            continue
        if value.shape != found[name].shape:
            return None
        worst = max(worst, float(np.abs(value - found[name]).max() / np.abs(value).max()))
    return worst


@torch.no_grad()
def main():
    """Write every network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    diffusers.logging.set_verbosity(diffusers.logging.CRITICAL)
    transformers.logging.disable_progress_bar()
    out = pathlib.Path(options.out)
    shutil.rmtree(out, ignore_errors=True)
    draw = random.Random(options.seed)
    table = {}
    for name, base in BASES.items():
        torch.manual_seed(options.seed)
        (out / name).mkdir(parents=True)
        table[name] = write(base, out / name, draw)
        print(f"{name}: {len(table[name])} settings", flush=True)
    (out / "table.json").write_text(json.dumps({"seed": options.seed, "rows": table}, indent=1))


if __name__ == "__main__":
    main()
