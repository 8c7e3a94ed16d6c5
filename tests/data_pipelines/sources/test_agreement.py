"""The same pictures and captions in every format give the same records."""

import collections
import csv
import json
import pathlib
import zipfile

import pytest

from tests.data_pipelines.sources.made import png, records
from tests.data_pipelines.sources.test_webdataset import pack

SHARED = pathlib.Path(__file__).parents[4] / "shared" / "data"


def synthetic():
    """Captions by picture; one picture has none."""
    return {f"p/{i:03d}.png": (png(i), [f"a picture {i} said {n}" for n in range(i % 3)])
            for i in range(9)}  # fmt: skip


def table(file):
    with open(file, encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def captioned(rows, by):
    found = collections.defaultdict(list)
    for row in rows:
        found[row[by]].append(row["caption"])
    return found


def photos():
    place = SHARED / "photo-captions-small"
    said = captioned(table(place / "captions.tsv"), "image")
    archive = zipfile.ZipFile(place / "images.zip")
    return {row["file"]: (archive.read(row["file"]), said[row["image"]])
            for row in table(place / "images.tsv")}  # fmt: skip


def emoji():
    place = SHARED / "emoji-captions"
    said = captioned(table(place / "captions.tsv"), "concept")
    archive = zipfile.ZipFile(place / "images-twemoji.zip")
    rows = [row for row in table(place / "images.tsv") if row["vendor"] == "twemoji"][:300]
    return {row["file"]: (archive.read(row["file"]), said[row["concept"]]) for row in rows}


def as_folder(place, examples):
    with zipfile.ZipFile(place / "p.zip", "w") as archive:
        for name, (data, _) in examples.items():
            archive.writestr(name, data)
    rows = [(name, text) for name, (_, said) in examples.items() for text in said]
    with open(place / "c.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("file", "caption"), *rows])
    return ["--from=folder", f"--images={place}/p.zip", f"--captions={place}/c.csv"]


def as_coco(place, examples):
    as_folder(place, examples)
    found = {
        "images": [{"id": i, "file_name": name} for i, name in enumerate(examples)],
        "annotations": [{"image_id": i, "caption": text}
                        for i, (_, said) in enumerate(examples.values()) for text in said],
    }  # fmt: skip
    (place / "c.json").write_text(json.dumps(found))
    return ["--from=coco", f"--images={place}/p.zip", f"--captions={place}/c.json"]


def as_webdataset(place, examples):
    members = []
    for i, (name, (data, said)) in enumerate(examples.items()):
        members.append((f"{i:09d}{pathlib.PurePath(name).suffix}", data))
        told = {"all": said} if said else {}
        members.append((f"{i:09d}.json", json.dumps(told).encode()))
    pack(place / "0.tar", members)
    return ["--from=webdataset", f"--shards={place}/0.tar", "--text_column=all"]


def as_parquet(place, examples):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    cells = [{"bytes": data, "path": name} for name, (data, _) in examples.items()]
    said = pa.array([said for _, said in examples.values()], pa.list_(pa.string()))
    pq.write_table(pa.table({"image": cells, "caption": said}), place / "0.parquet")
    return ["--from=parquet", f"--files={place}/0.parquet"]


@pytest.mark.parametrize("given", [synthetic, photos, emoji])
def test_every_format_gives_the_same_records(given, tmp_path):
    if given is not synthetic and not SHARED.is_dir():
        pytest.skip("the sets of photographs and emoji are not beside the project")
    examples, found = given(), {}
    for write in (as_folder, as_coco, as_webdataset, as_parquet):
        place = tmp_path / write.__name__
        place.mkdir()
        built = records(place / "out", *write(place, examples))
        found[write.__name__] = {
            split: sorted((r.image, r.texts) for r in rows) for split, rows in built.items()
        }
    told = [(data, tuple(text.strip() for text in said)) for data, said in examples.values()]
    for name, splits in found.items():
        assert splits["pairs"] == sorted(each for each in told if each[1]), name
        assert splits.get("images", []) == sorted(each for each in told if not each[1]), name
