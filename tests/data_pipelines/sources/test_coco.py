"""COCO: captions by id, pictures in zips and folders, Karpathy's splits, and odd cases."""

import json
import zipfile

import pytest

from tests.data_pipelines.sources.made import png, records, run, told


def annotations(file, images, captions):
    """COCO's layout of {id: file name} and (id, caption)."""
    found = {
        "info": {"year": 2017}, "licenses": [],
        "images": [{"id": i, "file_name": name, "height": 6, "width": 8}
                   for i, name in images.items()],
        "annotations": [{"id": n, "image_id": i, "caption": text}
                        for n, (i, text) in enumerate(captions)],
    }  # fmt: skip
    file.write_text(json.dumps(found))
    return file


def karpathy(file, rows):
    """His layout of (id, file name, split, captions)."""
    images = [
        {"cocoid": i, "filename": name, "filepath": name.split("_")[1], "split": split,
         "imgid": n, "sentids": [], "sentences": [{"raw": raw, "tokens": raw.split()}
                                                  for raw in captions]}
        for n, (i, name, split, captions) in enumerate(rows)
    ]  # fmt: skip
    file.write_text(json.dumps({"images": images, "dataset": "coco"}))
    return file


def zipped(file, names):
    with zipfile.ZipFile(file, "w") as archive:
        for name, shade in names.items():
            archive.writestr(f"{file.stem}/{name}", png(shade))
    return file


@pytest.fixture
def coco(tmp_path):
    """Two zips in a folder, and the captions of both."""
    (tmp_path / "zips").mkdir()
    train = {i: f"{i:012d}.jpg" for i in (9, 25, 30)}
    val = {i: f"{i:012d}.jpg" for i in (139, 285)}
    zipped(tmp_path / "zips/train2017.zip", {name: i for i, name in train.items()})
    zipped(tmp_path / "zips/val2017.zip", {name: i for i, name in val.items()})
    said = lambda ids: [(i, f"a picture {i} said {n}") for n in range(2) for i in ids]
    annotations(tmp_path / "captions_train2017.json", train, said(train))
    annotations(tmp_path / "captions_val2017.json", val, said(val))
    return tmp_path


def split_keys(found):
    return {split: [int(r.key[-16:-4]) for r in rows] for split, rows in found.items()}


def test_captions_go_with_the_id_of_their_picture_in_a_zip_inside_a_folder(coco):
    flags = ["--from=coco", f"--images={coco}/zips", f"--captions={coco}/captions_train2017.json"]
    found = records(coco / "out", *flags)
    assert split_keys(found) == {"pairs": [9, 25, 30], "images": [139, 285]}
    assert [r.texts for r in found["pairs"]] == [
        (f"a picture {i} said 0", f"a picture {i} said 1") for i in (9, 25, 30)
    ]
    assert [r.image for r in found["pairs"]] == [png(9), png(25), png(30)]


def test_two_caption_files_tell_the_split_by_their_names(coco):
    both = f"{coco}/captions_train2017.json,{coco}/captions_val2017.json"
    zips = f"{coco}/zips/train2017.zip,{coco}/zips/val2017.zip"
    found = records(coco / "out", "--from=coco", f"--images={zips}", f"--captions={both}")
    assert split_keys(found) == {"pairs": [9, 25, 30], "validation": [139, 285]}
    assert told(coco / "out") == {}


def test_karpathys_splits_go_by_id_also_with_names_of_another_year(coco):
    rows = [(9, "COCO_train2014_000000000009.jpg", "restval", ["x"]),
            (25, "COCO_val2014_000000000025.jpg", "test", []),
            (30, "COCO_val2014_000000000030.jpg", "val", []),
            (77, "COCO_val2014_000000000077.jpg", "train", ["y"]),
            (9, "COCO_train2014_000000000009.jpg", "what", [])]  # fmt: skip
    splits = karpathy(coco / "dataset_coco.json", rows)
    flags = ["--from=coco", f"--images={coco}/zips/train2017.zip", f"--karpathy={splits}"]
    found = records(coco / "out", *flags, f"--captions={coco}/captions_train2017.json")
    assert split_keys(found) == {"pairs": [9], "test": [25], "validation": [30]}
    assert found["pairs"][0].texts == ("a picture 9 said 0", "a picture 9 said 1")
    assert told(coco / "out") == {"a split that is none": 1}
    found = records(coco / "own", *flags)
    assert split_keys(found) == {"pairs": [9]}
    assert found["pairs"][0].texts == ("x",)
    assert told(coco / "own")["held out without a caption"] == 2
    assert told(coco / "own")["image missing"] == 1


def test_odd_annotations_are_counted_and_lose_no_other(coco):
    found = json.loads((coco / "captions_train2017.json").read_text())
    found["images"] += [{"id": 25, "file_name": "000000000030.jpg"}, {"id": 31, "file_name": "x"},
                        {"id": 32}, "no object", {"id": 33, "file_name": "../up.jpg"}]  # fmt: skip
    found["annotations"] += [
        {"image_id": 4040, "caption": "of nothing"}, {"image_id": 31, "caption": "not there"},
        {"image_id": 9, "caption": 7}, {"image_id": 9, "caption": " "}, {"caption": "whose"}, 5,
        {"image_id": "9", "caption": "an id as text"}, {"image_id": [9], "caption": "no id"},
    ]  # fmt: skip
    (coco / "odd.json").write_text(json.dumps(found))
    flags = ["--from=coco", f"--images={coco}/zips/train2017.zip", f"--captions={coco}/odd.json"]
    built = records(coco / "out", *flags)
    assert [len(r.texts) for r in built["pairs"]] == [3, 2, 2]
    assert told(coco / "out") == {
        "an id that another picture has": 1, "image missing": 1, "no id or no file named": 2,
        "file outside of the folder": 1, "caption of a picture that is not listed": 3,
        "caption of a picture that is not there": 1, "no JSON object": 1, "empty caption": 1,
        "no text where a text is meant": 1,
    }  # fmt: skip


def test_what_is_no_coco_is_one_sentence(coco, capsys):
    (coco / "list.json").write_text("[]")
    (coco / "cut.json").write_text('{"annotations": [')
    zips = f"--images={coco}/zips"
    annotations(coco / "none.json", {1: "x.jpg"}, [(1, "a text")])
    for more in ([], [zips], *([zips, f"--captions={coco}/{n}.json"] for n in ("list", "cut")),
                 [zips, f"--captions={coco}/none.json"]):  # fmt: skip
        assert run(coco / "out", "--from=coco", *more) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5 and "needs --images=train2017.zip" in lines[0] == lines[1]
    assert all("is no JSON with a list of annotations" in line for line in lines[2:4])
    assert "none.json holds nothing that can be used (caption of a picture that is not" in lines[4]
