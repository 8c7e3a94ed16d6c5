"""Own pictures and captions: what is usable is kept, what is not is counted and named."""

import csv
import gzip
import io
import json
import pathlib
import zipfile

import numpy as np
import pytest
from PIL import Image

from data_pipelines import build
from data_pipelines.records import Records, read_info

SHARED = pathlib.Path(__file__).parents[3] / "shared" / "data"


def png(shade):
    out = io.BytesIO()
    Image.fromarray(np.full((20, 30, 3), shade, np.uint8)).save(out, "PNG")
    return out.getvalue()


def run(tmp_path, *more, images="pictures", captions="captions.tsv", out="out"):
    return build.main(
        [
            "--from=folder",
            f"--images={tmp_path / images}",
            f"--captions={tmp_path / captions}",
            f"--out={tmp_path / out}",
            "--vocabulary_size=60",
            *more,
        ]
    )


@pytest.fixture
def pictures(tmp_path):
    """Twenty pictures, two of them broken, one without caption."""
    folder = tmp_path / "pictures" / "deep"
    folder.mkdir(parents=True)
    for i in range(20):
        (folder / f"{i}.png").write_bytes(png(i * 10))
    (folder / "3.png").write_bytes(b"no picture at all")
    (folder / "4.png").write_bytes(png(40)[:60])
    return tmp_path


def table(tmp_path, rows, name="captions.tsv", delimiter="\t"):
    with open(tmp_path / name, "w", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([("file", "caption"), *rows])


GOOD = [(f"deep/{i}.png", f"picture number {i}") for i in range(19)]


def test_bad_rows_and_broken_pictures_are_skipped_counted_and_named(pictures, capsys):
    bad = [
        ("deep/99.png", "a picture that is not there"),
        ("../secret.png", "outside"),
        ("", "no file"),
        ("deep/5.png", "   "),
        ("deep/6.png", "word " * 300),
        ("deep/91.png", "a picture whose fetch broke off"),
    ]
    table(pictures, GOOD + bad)
    (pictures / "pictures/deep/91.png").write_bytes(b"")
    assert run(pictures) == 0
    splits = read_info(pictures / "out")["splits"]
    records = [Records(pictures / "out", s) for s in splits]
    assert sum(len(r) for r in records) == 18, "21 pictures, 3 of them broken"
    assert len(Records(pictures / "out", "images")) == 1, "the one without caption"
    report = json.loads((pictures / "out" / "report.json").read_text())
    assert {reason: found["count"] for reason, found in report.items()} == {
        "broken image": 2,
        "empty caption": 1,
        "file outside of the folder": 1,
        "image missing": 1,
        "no image": 1,
        "no file named": 1,
        "text too long": 1,
    }
    assert report["no image"]["first"] == ["deep/3.png"]
    cut, empty = report["broken image"]["first"]
    assert empty == "deep/91.png (0 bytes)" and cut.startswith("deep/4.png (")
    assert "captions.tsv:21 deep/99.png" in report["image missing"]["first"]
    assert "skipped 2: broken image" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["tsv", "csv", "jsonl"])
def test_tables_of_every_kind_give_equal_records(pictures, kind):
    table(pictures, GOOD)
    if kind == "csv":
        table(pictures, GOOD, "captions.csv", ",")
    if kind == "jsonl":
        lines = [json.dumps({"image": f, "text": [t]}) for f, t in GOOD]
        (pictures / "captions.jsonl").write_text("\n".join([*lines, "{cut", "7"]))
    assert run(pictures, captions=f"captions.{kind}") == 0
    assert run(pictures, out="tsv") == 0
    for split in ("pairs", "images"):
        ours, theirs = (Records(pictures / out, split) for out in ("out", "tsv"))
        assert [ours[i] for i in range(len(ours))] == [theirs[i] for i in range(len(theirs))]
    report = json.loads((pictures / "out" / "report.json").read_text())
    assert report.get("line is no JSON object", {}).get("count", 0) == 2 * (kind == "jsonl")


def test_two_tables_tell_what_one_does(pictures):
    table(pictures, GOOD)
    table(pictures, GOOD[:7], "a.tsv")
    table(pictures, GOOD[7:], "b.tsv")
    assert run(pictures) == 0
    assert run(pictures, captions=f"a.tsv,{pictures / 'b.tsv'}", out="two") == 0
    one, two = (read_info(pictures / out)["splits"] for out in ("out", "two"))
    assert {name: split["sha256"] for name, split in one.items()} == {
        name: split["sha256"] for name, split in two.items()
    }


def test_a_zip_is_as_good_as_a_folder(pictures):
    with zipfile.ZipFile(pictures / "pictures.zip", "w") as archive:
        for file in sorted((pictures / "pictures").rglob("*.png")):
            archive.write(file, file.relative_to(pictures / "pictures"))
    table(pictures, GOOD)
    assert run(pictures) == run(pictures, images="pictures.zip", out="zipped") == 0
    ours, theirs = (Records(pictures / out, "pairs") for out in ("out", "zipped"))
    assert [ours[i] for i in range(len(ours))] == [theirs[i] for i in range(len(theirs))]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_some_pair_is_left_to_train_on_however_few_there_are(count, pictures, capsys):
    table(pictures, GOOD[10 : 10 + count])
    assert run(pictures, "--validation=0.5", "--test=0.4999999") == 0  # the hash holds out all
    splits = read_info(pictures / "out")["splits"]
    held = sum(splits.get(name, {"records": 0})["records"] for name in ("validation", "test"))
    assert splits["pairs"]["records"] == 1 and held == count - 1
    rows = [(*row, "test") for row in GOOD[:count]]
    with open(pictures / "captions.tsv", "w", newline="") as file:
        csv.writer(file, delimiter="\t").writerows([("file", "caption", "split"), *rows])
    assert run(pictures, out="other") == 2  # what the table holds out stays held out
    assert "captions.tsv holds out all its pictures; leave some" in capsys.readouterr().err


def test_few_pairs_lend_the_others_halves_to_the_lone_sets_without_overlap(pictures):
    table(pictures, GOOD)
    (pictures / "lone.txt").write_text("a lone text\n\nanother lone text\n")
    more = ["--pairs=5", "--test=0", "--validation=0", f"--texts={pictures / 'lone.txt'}"]
    assert run(pictures, *more) == 0
    found = {s: Records(pictures / "out", s) for s in ("pairs", "images", "texts")}
    keys = {s: {r[i].key for i in range(len(r))} for s, r in found.items()}
    assert len(keys["pairs"]) == 5 and not keys["images"] & keys["texts"]
    assert len(keys["images"]) == 1 + 6 and len(keys["texts"]) == 6 + 2
    assert not any(found["images"][i].texts for i in range(7))
    assert not any(found["texts"][i].image for i in range(8))


@pytest.mark.parametrize(
    "content, sentence",
    [
        ("", "no row of"),
        ("file\tcaption\n", "no row of"),
        ("picture\twords\ndeep/1.png\tone\n", "name the picture's column"),
    ],
)
def test_a_useless_table_is_one_sentence_and_leaves_nothing(pictures, content, sentence, capsys):
    (pictures / "captions.tsv").write_text(content)
    assert run(pictures) == 2
    error = capsys.readouterr().err
    assert sentence in error and len(error.splitlines()) == 1
    assert not (pictures / "out").exists()


def test_photographs_with_captions_of_people_build(tmp_path):
    source = SHARED / "photo-captions-small"
    if not source.is_dir():
        pytest.skip("the photo-captions-small set is not beside the project")
    read = lambda name: csv.DictReader(open(source / name), delimiter="\t", quoting=csv.QUOTE_NONE)
    files = {row["image"]: row["file"] for row in read("images.tsv")}
    table(tmp_path, [(files[row["image"]], row["caption"]) for row in read("captions.tsv")])
    texts = [
        row["caption"]
        for row in csv.DictReader(
            io.StringIO(gzip.decompress((source / "texts-only.tsv.gz").read_bytes()).decode()),
            delimiter="\t",
            quoting=csv.QUOTE_NONE,
        )
    ]
    more = [f"--images={source / 'images.zip'}", f"--texts={source / 'texts-only.tsv.gz'}"]
    code = build.main(
        [
            "--from=folder",
            f"--captions={tmp_path / 'captions.tsv'}",
            f"--out={tmp_path / 'out'}",
            *more,
        ]
    )
    assert code == 0
    counts = {k: v["records"] for k, v in read_info(tmp_path / "out")["splits"].items()}
    assert counts["texts"] == len(texts) == 9003
    assert counts["images"] == 12, "pictures without any text"
    assert sum(counts.values()) - counts["texts"] == 146


def test_a_number_is_no_file(pictures):
    rows = [{"file": name, "caption": text} for name, text in [*GOOD, (10, "ten")]]
    (pictures / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert run(pictures, captions="captions.jsonl") == 0
    report = json.loads((pictures / "out" / "report.json").read_text())
    assert report["the file is no text"] == {"count": 1, "first": ["captions.jsonl:20"]}


def test_texts_of_which_none_can_be_used_are_refused(pictures, capsys):
    table(pictures, GOOD)
    (pictures / "lone.json").write_text('["one", "two"]')
    assert run(pictures, f"--texts={pictures / 'lone.json'}") == 2
    assert "holds no text that can be used" in capsys.readouterr().err
    assert not (pictures / "out").exists()


def test_a_carriage_return_cuts_no_lone_text(pictures):
    table(pictures, GOOD)
    (pictures / "lone.txt").write_bytes(b"one\rtwo\nthree\n")
    assert run(pictures, f"--texts={pictures / 'lone.txt'}") == 0
    texts = Records(pictures / "out", "texts")
    assert [texts[i].texts for i in range(len(texts))] == [("three",)]


def test_lone_texts_that_their_table_holds_out_are_left_out(pictures, capsys):
    table(pictures, GOOD)
    (pictures / "lone.csv").write_text("text,split\none,train\ntwo,test\nthree,\n")
    assert run(pictures, f"--texts={pictures / 'lone.csv'}") == 0
    assert [r.texts[0] for r in Records(pictures / "out", "texts")] == ["one", "three"]
    assert "held out without a picture (first: text-1)" in capsys.readouterr().out


def questions(tmp_path, rows, head=("file", "question", "answer")):
    with open(tmp_path / "questions.tsv", "w", newline="") as file:
        csv.writer(file, delimiter="\t").writerows([head, *rows])
    return f"--questions={tmp_path / 'questions.tsv'}"


ASKED = [(f"deep/{i}.png", q, a) for i in range(20)
         for q, a in (("is it dark?", "yes"), ("what number is it?", f"{i}"))]  # fmt: skip


def records_of(folder):
    return {split: list(Records(folder, split)) for split in read_info(folder)["splits"]}


def test_questions_go_with_the_split_of_their_picture(pictures):
    table(pictures, GOOD)
    assert run(pictures, questions(pictures, ASKED), "--test=0.4", "--validation=0.1") == 0
    found = records_of(pictures / "out")
    keys = {split: {record.key for record in found[split]} for split in found}
    for split in ("validation", "test"):
        assert keys.get(split, set()) <= keys.get(f"{split}_questions", set())
    assert keys["pairs"] <= keys["questions"]
    trained = keys["pairs"] | keys["images"] | keys["questions"]
    assert trained.isdisjoint(keys["test"] | keys["test_questions"])
    (record,) = [r for r in found["questions"] if r.key == min(keys["pairs"])]
    number = record.key.removeprefix("deep/").removesuffix(".png")
    assert record.texts == () and record.image and record.asked == (
        ("is it dark?", "yes", "yes_no"), ("what number is it?", number, "number"),
    )  # fmt: skip


def test_questions_alone_are_a_data_set_and_a_kind_may_be_told(pictures):
    head = ("file", "Question", "Answer", "Kind")
    rows = [("deep/1.png", "who?", "nobody", "Who is it?"), ("deep/2.png", "what?", "grey", ""),
            ("deep/2.png", "what?", "a grey square", "")]  # fmt: skip
    flags = ["--from=folder", f"--images={pictures / 'pictures'}", "--vocabulary_size=60",
             f"--out={pictures / 'out'}", "--test=0", "--validation=0"]  # fmt: skip
    assert build.main([*flags, questions(pictures, rows, head)]) == 0
    found = records_of(pictures / "out")
    assert found.keys() == {"images", "questions"}
    one, two = found["questions"]
    assert one.asked == (("who?", "nobody", "who_is_it_"),)
    assert two.asked == (("what?", "grey", "other"), ("what?", "a grey square", "other"))
    assert len(found["images"]) == 18


def test_bad_questions_are_skipped_counted_and_named(pictures, capsys):
    table(pictures, GOOD)
    bad = [("deep/1.png", " ", "x"), ("deep/1.png", "what?", ""), ("deep/77.png", "what?", "x")]
    assert run(pictures, questions(pictures, ASKED + bad), "--pairs=5") == 0
    report = json.loads((pictures / "out" / "report.json").read_text())
    for reason in ("empty question", "empty answer", "questions about what is no pair any more"):
        assert report[reason]["count"] >= 1, reason
    assert "questions.tsv:44 deep/77.png" in report["image missing"]["first"]
    found = records_of(pictures / "out")
    lone = {r.key for split in ("images", "texts") for r in found[split]}
    captioned = {f"deep/{i}.png" for i in range(19)}
    assert {r.key for r in found["questions"]}.isdisjoint(lone & captioned)
    capsys.readouterr()
    wrong = questions(pictures, [("deep/1.png", "x")], ("file", "question"))
    assert run(pictures, wrong, out="other") == 2
    assert "name the picture's column `file` and the answer's `answer`" in capsys.readouterr().err
    assert run(pictures, questions(pictures, [("no.png", "x", "y")]), out="other") == 2
    assert "no row of" in (told := capsys.readouterr().err) and "questions.tsv" in told
