"""Captions in files: both forms say the same, and what is wrong with one is a sentence."""

import json

import pytest

from data_pipelines.errors import UserError
from itit_jax.evaluation.caption_files import read_hypotheses, read_references

ROWS = [("7", "a red dog"), ("9", 'two "men" on bikes'), ("7", "one dog"), ("8", "x")]


def table(rows):
    return "".join(f"{key}\t{caption}\n" for key, caption in [("id", "caption"), *rows])


@pytest.fixture(params=["tsv", "json", "coco.json"])
def file(request, tmp_path):
    """ROWS in a file of each form."""
    rows = [{"image_id": int(key), "caption": caption} for key, caption in ROWS]
    text = {
        "tsv": table(ROWS),
        "json": json.dumps(rows),
        "coco.json": json.dumps({"annotations": rows}),
    }[request.param]
    (tmp_path / f"x.{request.param}").write_text(text)
    return tmp_path / f"x.{request.param}"


def test_references_come_in_the_order_of_the_hypotheses_and_others_are_told(file):
    found, skipped = read_references(file, {"9": "...", "7": "..."})
    assert skipped == {"no caption": {"count": 1, "first": ["8"]}}
    assert found == [['two "men" on bikes'], ["a red dog", "one dog"]]


def test_the_table_of_a_data_set_names_captions_by_their_pictures(tmp_path):
    (tmp_path / "x.csv").write_text("file,caption\na/1.png,one dog\na/1.png,a dog\n2.png,x\n")
    found, skipped = read_references(tmp_path / "x.csv", {"a/1.png": "...", "2.png": "y"})
    assert found == [["one dog", "a dog"], ["x"]] and not skipped


def test_a_hypothesis_is_one_caption(file):
    with pytest.raises(UserError, match="two captions for id 7"):
        read_hypotheses(file)


@pytest.mark.parametrize(
    "name, text, sentence",
    [
        ("x.tsv", None, "x.tsv does not exist"),
        ("x.tsv", table([]), "holds no caption"),
        ("x.tsv", "name\ttext\n", "has the columns name, text; name the picture's column `file`"),
        ("x.tsv", "1.png\ta Dog\n", "has the columns 1.png, a dog; name the picture's column"),
        ("x.tsv", "1.png\tone\n2.png\ttwo\n", "has the columns 1.png, one; name the picture's"),
        ("x.csv", "", "holds no caption under the columns id and caption"),
        ("x.jsonl", "7", "x.jsonl:1: line is no JSON object"),
        ("x.tsv", b"id\tcaption\n1\t\xff\n", "x.tsv:2: bytes that are no UTF-8"),
        ("x.json", '{"annotations": [{"caption": "no id"}]}', "has the columns caption; name"),
        ("x.json", '[{"id": 1, "caption": null}]', "the caption of id 1 is no text"),
        ("x.json", '[{"id": 1, "caption": NaN}]', "the caption of id 1 is no text"),
        ("x.json", '[{"id": 1, "caption": ["a", "b"]}]', "the caption of id 1 is no text"),
        ("x.json", '[{"id": 1, "caption": 7}]', "the caption of id 1 is no text"),
        ("x.json", "[", "is no COCO caption file"),
    ],
)
def test_a_wrong_file_is_one_sentence(name, text, sentence, tmp_path):
    if text is not None:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=sentence) as error:
        read_hypotheses(tmp_path / name)
    assert len(str(error.value).splitlines()) == 1


def test_a_hypothesis_without_a_reference_is_named(file):
    with pytest.raises(UserError, match="no reference for 1 of 2 captions, such as id 5"):
        read_references(file, {"7": "...", "5": "..."})


def test_a_file_of_nulls_names_the_id(tmp_path):
    (tmp_path / "h.json").write_text('[{"image_id": 1, "caption": null}]')
    with pytest.raises(UserError, match="the caption of id 1 is no text"):
        read_hypotheses(tmp_path / "h.json")
