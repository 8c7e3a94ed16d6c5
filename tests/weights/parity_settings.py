"""Our loaders on other settings than the usual ones: each is taken and gives what its library
gives, or is refused in one sentence.

python -m tests.weights.parity_settings --golden=FOLDER --out=results/parity.json

FOLDER holds what tests/weights/reference_settings.py wrote.
"""

import argparse
import json
import pathlib
import sys

import jax
import numpy as np

from data_pipelines.errors import UserError
from itit_jax.towers import published as towers
from itit_jax.weights import checksums, sizes
from itit_jax.weights import load as weights
from tests.weights import parity

USED = 1e-6  # a setting that changes outputs by more is one that a network uses
FIGURES = {"tried": 0, "taken": 0, "refused": 0, "largest_difference": 0.0}
SEVERAL, NOTHING = "several at once", "changes nothing and is taken"


def network(folder, rows):
    """-> (FIGURES, {setting: what came of it}, sentences on what is wrong) of one network."""
    known, told, wrong, figures = {}, {}, [], dict(FIGURES)
    used = {name for row in rows if _uses(row) for name in row["settings"]
            if len(row["settings"]) == 1}  # fmt: skip
    for row in rows:
        for place in filter(None, (row["folder"], row.get("own", ""))):
            if not (folder / place).is_dir():
                continue
            found = _difference(folder / place, known)
            _count(figures, found)
            _tell(told, row, place, found)
            if _is_wrong(found, row["settings"], used):
                wrong.append(f"{folder.name}, {row['name']}: {found}")
    return figures, _lines(told, used), wrong


def _uses(row):
    """Whether outputs differ, in number or in shape, or the tensors' shapes do."""
    change = row.get("change", 0)
    return change is None or change > USED or row.get("other_shapes", False)


def _is_wrong(found, settings, used):
    if isinstance(found, str):
        return len(found.splitlines()) != 1
    if found is not None:
        return not found <= parity.TOLERANCE
    # Where the library opens nothing, a setting that it does not use may be taken as not there; of
    # several nobody knows which it was.
    return len(settings) == 1 and settings[0] in used


def _count(figures, found):
    refused = isinstance(found, str)
    figures["tried"] += 1
    figures["refused" if refused else "taken"] += 1
    if not refused:
        figures["largest_difference"] = max(figures["largest_difference"], found or 0.0)


def _tell(told, row, place, found):
    (name, value), *more = [*zip(row["settings"], row["values"])] or [("(the base)", "")]
    name, value = (SEVERAL, row["folder"]) if more else (name, value)
    own = " with its own tensors" if place.endswith("-own") else ""
    entry = told.setdefault(name, {"change": 0.0, "taken": [], "refused": [], "worst": 0.0})
    entry["change"] = max(entry["change"], row.get("change") or 0.0)
    entry["refused" if isinstance(found, str) else "taken"].append(value[:60] + own)
    if not isinstance(found, str):
        entry["worst"] = max(entry["worst"], found or 0.0)


def _lines(told, used):
    several = told.pop(SEVERAL)
    plain = [name for name, each in told.items() if name not in used and not each["refused"]]
    lines = {}
    for name, each in told.items():
        if name in plain:
            continue
        parts = []
        if each["change"] > USED:
            parts.append(f"changes outputs by {each['change']:.1g}")
        if each["taken"]:
            parts.append(f"taken, within {each['worst']:.1g}: {', '.join(each['taken'])}")
        if each["refused"]:
            parts.append(f"refused: {', '.join(each['refused'])}")
        lines[name] = "; ".join(parts)
    lines[SEVERAL] = (f"{len(several['taken'])} taken, within {several['worst']:.1g}, "
                      f"{len(several['refused'])} refused")  # fmt: skip
    return lines | {NOTHING: ", ".join(plain)}


def _difference(folder, known):
    """Largest relative difference of any output; None where the library gave none; the sentence
    of a refusal. known: what was computed already, as a network compiles for seconds."""
    file = folder.with_name(f"{folder.name}.npz")
    arrays = dict(np.load(file)) if file.exists() else None
    try:
        described = _described(folder)
        key = (repr(described), checksums.digest(folder))
        if arrays is None:
            return None
        if key not in known:
            known[key] = _outputs(folder, described, arrays)
    except UserError as error:
        return str(error)
    return max(_relative(ours, arrays[name]) for name, ours in known[key].items())


def _relative(ours, theirs):
    return parity.relative(ours, theirs) if ours.shape == theirs.shape else float("nan")


def _described(folder):
    kind, found = weights.read(folder)
    if kind in towers.layouts.KINDS:
        return towers.describe(folder)[1]
    return sizes.describe(folder, kind, found)[1]


def _outputs(folder, described, arrays):
    if "prepared" in arrays:
        return _prepared(described.image, **arrays)
    run = {"T5Encoder": _t5, "GPT2": _gpt2, "VQGAN": _vqgan, "Towers": _towers}
    with jax.default_matmul_precision("highest"):
        return run[type(described).__name__](folder, described, arrays)


def _t5(folder, model, arrays):
    ids, valid = arrays["ids"], arrays["mask"] > 0
    params = parity.load(folder, model, ids, valid)
    return {"features": model.apply({"params": params}, ids, valid) * valid[..., None]}


def _gpt2(folder, model, arrays):
    prefix, words = arrays["prefix"], arrays["words"]
    params = parity.load(folder, model, prefix, words)
    return {"logits": model.apply({"params": params}, prefix, words)}


def _vqgan(folder, model, arrays):
    side, smallest = arrays["pixels"].shape[1], 2 ** len(model.multipliers)
    attention = tuple(each * side // smallest for each in model.attention_resolutions)
    model = model.clone(attention_resolutions=attention)
    variables = {"params": parity.load(folder, model, arrays["pixels"])}
    asked = {"latents": "pixels", "encode": "pixels", "decode": "codes"}
    # Step by step: networks share most of their steps, and a whole one compiles for long.
    latents, codes, decoded = (
        np.asarray(model.apply(variables, arrays[name], method=method))
        for method, name in asked.items()
    )
    return {"latents": latents, "codes": codes, "decoded": decoded}


def _towers(folder, model, arrays):
    variables = {"params": towers.load_params(folder, model)}
    image, text = model.apply(variables, arrays["pixels"], arrays["ids"])
    return {"image": image, "text": text,
            "logits": model.apply(variables, image, text, method="logits")}  # fmt: skip


def _prepared(tower, picture, prepared):
    mean, deviation = np.array(tower.pixels.mean), np.array(tower.pixels.deviation)
    ours = (towers.fit(picture, tower.size, tower.pixels) / 255 - mean) / deviation
    if ours.shape != prepared.shape:
        return {"prepared": ours}
    level = 1.01 / 255 / deviation  # versions of Pillow round differently
    return {"prepared": ours + np.clip(prepared - ours, -level, level)}


def main():
    """Adds the table to that of tests/weights/parity.py; returns 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--golden", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    folder, out = pathlib.Path(options.golden), pathlib.Path(options.out)
    rows = json.loads((folder / "table.json").read_text())["rows"]
    results, mistakes = {}, []
    table = json.loads(out.read_text()) if out.exists() else {}
    for name in rows:
        figures, told, wrong = network(folder / name, rows[name])
        print(name, figures, *wrong, sep="\n  ", flush=True)
        results[name] = figures | {"wrong": len(wrong), "settings": told}
        mistakes += wrong
        out.write_text(json.dumps(table | {"other_settings": results}, indent=1) + "\n")
    return int(bool(mistakes))


if __name__ == "__main__":
    sys.exit(main())
