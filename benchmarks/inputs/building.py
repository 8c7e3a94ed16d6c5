"""Odd tables, names and folders handed to data_pipelines.build --from=folder."""

import json
import unicodedata

import numpy as np

from benchmarks.inputs import tables
from benchmarks.inputs.tables import SKIPPED, USED, Row, squeezed
from benchmarks.inputs.trial import Trial, call
from data_pipelines import build, images
from data_pipelines.records import Records, read_info

NAMES = ("a.png", "b b.png", "é.png", "sub/c.png", "sub/deep/d.png", "山.png", "e.f.png", "A1.png")


def names(rng, sheet):
    """Names of pictures as people write them."""
    forms = (
        lambda name: f"./{name}",
        lambda name: f"pictures/{name}",
        lambda name: name.replace("/", "\\"),
        lambda name: unicodedata.normalize("NFD", name),
        lambda name: f" {name} ",
    )
    form = forms[rng.integers(len(forms))]
    for row in sheet.rows:
        row.name = form(row.key)


def splits(rng, sheet):
    """Split words of other data sets."""
    for row in sheet.rows:  # the rows of one picture agree
        row.split = sorted(tables.KNOWN_SPLITS)[sum(row.key.encode()) % len(tables.KNOWN_SPLITS)]
    sheet.rows[0].split, sheet.rows[0].fate = "train", USED
    for row in sheet.rows[1:]:
        if row.key == sheet.rows[0].key:
            row.split = "train"


def strange_split(rng, sheet):
    """A split word that nobody knows."""
    for row in sheet.rows:
        row.split = "train"
    for row in sheet.rows:
        if row.key == sheet.rows[-1].key:
            row.split, row.fate = "holdout", SKIPPED
    sheet.named = ("holdout",)


def nowhere(rng, sheet):
    """Names of pictures that are not there, or must not be looked for."""
    name = str(rng.choice(["no.png", "/etc/passwd", "../a.png", "sub/../../b.png", "", "."]))
    sheet.rows.append(Row("nowhere", "lost", name=name or " ", fate=SKIPPED))


ODD = (*tables.ODD, names, splits, strange_split, nowhere)


def trial(rng, words) -> Trial:
    """One data set with one odd thing about its table. words: a vocabulary's file."""
    keys = rng.choice(NAMES, rng.integers(3, 6), replace=False).tolist()
    sheet = tables.sheet(rng, keys)
    odd = ODD[rng.integers(len(ODD))]
    odd(rng, sheet)
    pictures = {key: images.encode_png(np.full((8, 8, 3), 9 * i + 5, np.uint8))
                for i, key in enumerate(keys)}  # fmt: skip

    def act(folder):
        for key, data in pictures.items():
            (folder / "pictures" / key).parent.mkdir(parents=True, exist_ok=True)
            (folder / "pictures" / key).write_bytes(data)
        (folder / sheet.file).write_bytes(sheet.data())
        call(
            build.main, "--from=folder", f"--images={folder}/pictures", f"--out={folder}/out",
            f"--captions={folder}/{sheet.file}", f"--vocabulary={words}",
        )  # fmt: skip
        return folder / "out"

    key_of = {data: key for key, data in pictures.items()}
    return Trial(odd.__name__, act, lambda out: fault(out, sheet, key_of), sheet.named)


def fault(out, sheet, key_of) -> str:
    """What is wrong with a data set that was made of a sheet, or ""."""
    found = {}
    for split in read_info(out)["splits"]:
        for record in Records(out, split):
            for text in record.texts:
                found.setdefault((key_of[record.image], squeezed(text)), set()).add(split)
    meant = {(row.key, squeezed(row.meant)): row for row in sheet.rows if row.fate != SKIPPED}
    for place, splits in found.items():
        if place not in meant:
            return f"{place} is in the data set and in no row"
        wanted = tables.KNOWN_SPLITS.get(meant[place].split)
        if wanted and splits != {wanted}:
            return f"{place} is marked {meant[place].split} and lies in {splits}"
    lost = [place for place, row in meant.items() if place not in found]
    if sure := [place for place in lost if meant[place].fate == USED]:
        return f"{sure[0]} is lost"
    report = json.loads((out / "report.json").read_text())
    unused = len(lost) + sum(row.fate == SKIPPED for row in sheet.rows)
    told = sum(entry["count"] for entry in report.get("skipped", report).values())
    return "" if told >= unused else f"{unused} rows are not used and {told} are told of"
