"""Lone texts in plain files of any size."""

import gzip
import json

import pytest

from data_pipelines.sources import texts
from tests.data_pipelines.sources.made import records, run, told


def test_every_line_of_every_file_is_a_text(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffone\n\n  two \r\n".encode())
    with gzip.open(tmp_path / "b.TXT.gz", "wt", encoding="utf-8") as file:
        file.write("drei\nvier: ein Häuschen")
    rows = [{"text": "five"}, {"text": ["six", "seven"]}]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "d.tsv").write_text("id\tcaption\n1\teight\n")
    found = records(tmp_path / "out", "--from=texts", f"--texts={tmp_path}/[a-d].*")
    told_by_key = {r.key: r.texts for r in found["texts"]}
    assert told_by_key == {
        "a.txt:1": ("one",), "a.txt:3": ("two",), "b.TXT.gz:1": ("drei",),
        "b.TXT.gz:2": ("vier: ein Häuschen",), "c.jsonl:1": ("five",), "c.jsonl:2": ("six",),
        "c.jsonl:2#1": ("seven",), "d.tsv:2": ("eight",),
    }  # fmt: skip


def test_what_is_no_text_is_counted_by_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "LINE", 2000)
    lines = [b"good", b"\xff", b"a\rb", b"x" * 1500, b"y" * 9000, b"last"]
    (tmp_path / "a.txt").write_bytes(b"\n".join(lines))
    (tmp_path / "b.jsonl").write_bytes(b'{"text": 3}\n[]\n{cut\n{"other": "x"}\n{"text": "ok"}\n')
    whole = gzip.compress(b"first\n" * 1000)
    (tmp_path / "c.txt.gz").write_bytes(whole[:-10])
    found = records(tmp_path / "out", "--from=texts", f"--texts={tmp_path}/[abc].*")
    keys = {record.key for record in found["texts"]}
    assert {"a.txt:1", "a.txt:6", "b.jsonl:5", "c.txt.gz:1"} <= keys
    assert told(tmp_path / "out") == {
        "bytes that are no UTF-8": 1, "a carriage return inside a line": 1, "text too long": 2,
        "line is no JSON object": 2, "no text where a text is meant": 2, texts.CUT: 1,
    }  # fmt: skip


def test_texts_that_a_column_or_the_name_of_a_file_holds_out_are_left_out(tmp_path):
    (tmp_path / "train.tsv").write_text("Split\tcaption\nTrain\ta\nval\tb\n\tc\nbest\td\n")
    (tmp_path / "test.txt").write_text("e\nf\n")
    (tmp_path / "test.jsonl").write_text('{"text": "g"}\n{"text": "h", "split": "train"}\n')
    found = records(tmp_path / "out", "--from=texts", f"--texts={tmp_path}/t*.*")
    assert {r.texts[0] for r in found["texts"]} == {"a", "c", "h"}
    assert told(tmp_path / "out") == {"held out without a picture": 4, "a split that is none": 1}


def test_columns_are_found_in_any_case_of_letters(tmp_path):
    (tmp_path / "a.tsv").write_text("Words\tText\none\tx\n")
    (tmp_path / "b.jsonl").write_text('{"Words": "two", "TEXT": "y"}\n')
    files = ["--from=texts", f"--texts={tmp_path}/[ab].*"]
    for flags, want in (([], ["x", "y"]), (["--text_column=Words"], ["one", "two"])):
        found = records(tmp_path / f"{len(flags)}", *files, *flags)["texts"]
        assert sorted(r.texts[0] for r in found) == sorted(want)


def test_a_line_of_any_length_is_read_in_little_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "LINE", 1000)
    (tmp_path / "a.txt").write_bytes(b"x" * 10**6 + b"\nlast")
    found = list(texts._lines(tmp_path / "a.txt"))
    assert [(number, isinstance(text, str)) for _, number, text in found] == [(1, False), (2, True)]


@pytest.mark.parametrize(
    "flag, sentence",
    [("", "needs --texts="), ("*.pdf", "ends in none of .txt"), ("empty.txt", "it is empty")],
)
def test_what_holds_no_texts_is_one_sentence(flag, sentence, tmp_path, capsys):
    (tmp_path / "x.pdf").write_text("x")
    (tmp_path / "empty.txt").write_text("\n\n")
    more = [f"--texts={tmp_path}/{flag}"] if flag else []
    assert run(tmp_path / "out", "--from=texts", *more) == 2
    told_so = capsys.readouterr().err
    assert sentence in told_so and len(told_so.splitlines()) == 1
