"""The emoji-captions set under its few-pair protocol: pairs of one vendor, lone pictures of the
others, lone texts of other concepts; no concept in two pools."""

import csv
import functools
import json
import pathlib
import zipfile

from data_pipelines.errors import UserError
from data_pipelines.records import Record

HELD_OUT = ("validation", "test")


def make(options):
    """-> ({split: [Record]}, parameters) of --source=DIR and --pairs=N."""
    source = pathlib.Path(options.source or "")
    if not (source / "protocol.json").is_file():
        raise UserError(f"--source={source} holds no protocol.json; give the emoji-captions set.")
    try:
        return _read(source, options.pairs)
    except (OSError, LookupError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"--source={source} is not whole ({error}); fetch it again.") from error


def _read(source, pairs):
    protocol = json.loads((source / "protocol.json").read_text(encoding="utf-8"))
    count = str(pairs or 400)
    if count not in protocol["pairs"]:
        known = ", ".join(protocol["pairs"])
        raise UserError(f"the protocol has no list of {count} pairs; choose {known}.")
    paired = set(protocol["pairs"][count])
    concepts = {row["concept"]: row for row in _table(source / "concepts.tsv")}
    captions = {}
    for row in _table(source / "captions.tsv"):
        captions.setdefault(row["concept"], []).append(row["caption"])
    out = {name: [] for name in ("pairs", "images", "texts", *HELD_OUT)}
    archive = functools.cache(lambda vendor: zipfile.ZipFile(source / f"images-{vendor}.zip"))
    for row in _table(source / "images.tsv"):
        split = _split(row, concepts[row["concept"]], paired, protocol)
        if split:
            vendor = row["vendor"]
            texts = () if split == "images" else tuple(captions[row["concept"]])
            key = f"{row['concept']}#{vendor}"
            out[split].append(Record(key, archive(vendor).read(row["file"]), texts, vendor))
    if not out["pairs"]:
        raise LookupError("images.tsv names no pair")
    for concept, row in concepts.items():
        if row["pool"] == "text":
            texts = tuple(captions[concept])
            out["texts"].append(Record(f"{concept}#text", b"", texts, "captions"))
    return out, {"source": "emoji-captions", "pairs": int(count)}


def _split(image, concept, paired, protocol):
    """Split of one picture, or None where the protocol leaves it out."""
    paired_vendor = image["vendor"] == protocol["pair_vendor"]
    if image["split"] in HELD_OUT:
        return image["split"] if paired_vendor else None
    if paired_vendor:
        return "pairs" if image["concept"] in paired else None
    return "images" if concept["pool"] == "image" else None


def _table(file):
    with open(file, encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
