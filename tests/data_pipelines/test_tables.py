"""Tables: what writers write comes back, and every row that cannot be used is named."""

import csv
import gzip
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from data_pipelines import tables
from data_pipelines.errors import UserError

CELL = some.text(some.characters(blacklist_categories=["Cs"], blacklist_characters="\0"))
SMALL = some.text(some.sampled_from('ab ",\t\n\r\u2028é'))
ROWS = some.lists(some.tuples(CELL | SMALL, CELL | SMALL), min_size=1, max_size=6)


def read(folder, name, data):
    file = folder / name
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    return tables.read(file)


def written(rows, delimiter):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([("file", "caption"), *rows])
    return out.getvalue()


def looks_like_a_row(cell, delimiter):
    return any(line.count(delimiter) == 1 for line in re.split(r"\r?\n|\r", cell)[1:])


@given(rows=ROWS, kind=some.sampled_from([".csv", ".tsv"]))
def test_what_a_csv_writer_writes_comes_back_or_is_a_fault(tmp_path_factory, rows, kind):
    folder, delimiter = tmp_path_factory.mktemp("t"), tables.DELIMITERS[kind]
    found = read(folder, f"x{kind}", written(rows, delimiter))
    got = [(row.cells["file"], row.cells["caption"]) for row in found if not row.fault]
    if not any(looks_like_a_row(cell, delimiter) for row in rows for cell in row):
        assert got == rows and len(found) == len(rows)
    assert all(len(row.cells) == 2 for row in found if not row.fault)


@given(rows=ROWS)
def test_what_json_writes_comes_back(tmp_path_factory, rows):
    lines = [json.dumps(dict(zip(("File ", "CAPTION"), row)), ensure_ascii=False) for row in rows]
    found = read(tmp_path_factory.mktemp("t"), "x.JSONL", "\n".join(lines))
    assert [(r.cells["file"], r.cells["caption"]) for r in found if not r.fault] == [
        row for row in rows if "\0" not in "".join(row)
    ]


SOUND = [("a.png", "one"), ("b.png", 'two, "too"'), ("c.png", "three")]


@pytest.mark.parametrize("kind", [".csv", ".tsv"])
@pytest.mark.parametrize(
    "line, fault",
    [
        (b"d.png", "cells"),
        (b"d.png{}x{}y", "cells"),
        (b"d.png{}caf\xe9", "UTF-8"),
        (b"d.png{}a\0b", "NUL"),
    ],
)
@pytest.mark.parametrize("place", range(4))
def test_one_unsound_line_is_named_and_takes_no_other_along(kind, line, fault, place, tmp_path):
    delimiter = tables.DELIMITERS[kind]
    lines = written(SOUND, delimiter).encode().split(b"\r\n")
    lines.insert(1 + place, line.replace(b"{}", delimiter.encode()))
    found = read(tmp_path, f"x{kind}", b"\n".join(lines))
    assert [(r.cells["file"], r.cells["caption"]) for r in found if not r.fault] == SOUND
    (bad,) = (row for row in found if row.fault)
    assert fault in bad.fault and bad.where == f"x{kind}:{2 + place}"


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("text", ['"open', '"big" dog', '"open\n', '"'])
def test_an_open_quote_takes_no_sound_row_along(place, text, tmp_path):
    lines = written(SOUND, ",").split("\r\n")
    lines.insert(1 + place, f"d.png,{text}")
    found = read(tmp_path, "x.csv", "\n".join(lines))
    assert [(r.cells["file"], r.cells["caption"]) for r in found if not r.fault] == SOUND
    assert [row.fault for row in found if row.fault] == [tables.QUOTE]


def test_in_tsv_a_lone_quote_is_a_letter(tmp_path):
    found = read(tmp_path, "x.tsv", 'file\tcaption\na\t"big" dog\nb\t"open\nc\t"all ""of"" it"\n')
    assert [row.cells["caption"] for row in found] == ['"big" dog', '"open', 'all "of" it']


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n"])
def test_lines_may_end_in_any_way(end, tmp_path):
    text = end.join(["file,caption", "a,one", "b,left\u2028right", ""])
    found = read(tmp_path, "x.csv", text)
    assert [tuple(row.cells.values()) for row in found] == [("a", "one"), ("b", "left\u2028right")]


@pytest.mark.parametrize("name", ["x.csv", "x.CSV", "x.Csv.gz"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_suffix_case_byte_order_mark_and_gzip_change_nothing(name, mark, tmp_path):
    data = mark + b" FILE ,Caption\na,one\n"
    found = read(tmp_path, name, gzip.compress(data) if "gz" in name else data)
    assert [row.cells for row in found] == [{"file": "a", "caption": "one"}]


def test_a_line_of_json_that_is_no_object_is_named(tmp_path):
    lines = ['{"file": "a"}', "7", "null", '"x"', "[1]", "{", "[" * 99_999]
    found = read(tmp_path, "x.jsonl", "\n".join(lines))
    assert [bool(row.fault) for row in found] == [False] + [True] * 6
    assert found[1].where == "x.jsonl:2"


def test_coco_s_annotations_have_the_file_of_their_picture(tmp_path):
    coco = {
        "images": [{"id": 7, "file_name": "a.png"}],
        "annotations": [{"id": 1, "image_id": 7, "caption": "one"}, {"image_id": 8}, 3],
    }
    found = read(tmp_path, "c.json", json.dumps(coco))
    assert found[0].cells == {"id": 1, "image_id": 7, "caption": "one", "file": "a.png"}
    assert "file" not in found[1].cells and found[2].fault == "no JSON object"


@pytest.mark.parametrize(
    "name, data, sentence",
    [
        ("x.txt", b"a", "ends in none of .tsv, .csv"),
        ("x.csv", "file,caption\n".encode("utf-16"), "is UTF-16"),
        ("x.csv", b"file,caption,FILE\na,b,c\n", "a column twice"),
        ("x.csv.gz", b"file,caption", "no whole gzip"),
        ("x.json", b"{}", "no COCO caption file"),
        ("x.json", b"[\xff]", "no COCO caption file"),
    ],
)
def test_what_is_no_table_is_one_sentence(name, data, sentence, tmp_path):
    with pytest.raises(UserError, match=sentence):
        read(tmp_path, name, data)


def test_only_texts_are_texts_and_only_names_are_names():
    assert tables.texts("a") == ["a"] and tables.texts(["a", "b"]) == ["a", "b"]
    assert not any(map(tables.texts, (None, 7, True, {}, [], [None], [["a"]])))
    assert [tables.name_of(v) for v in (7, " a ", "", None, True, 1.5, [])] == [
        "7", "a", None, None, None, None, None,
    ]  # fmt: skip


def test_a_carriage_return_inside_a_line_cuts_no_text(tmp_path):
    first, second = read(tmp_path, "x.tsv", "file\tcaption\na\tred\rcircle\nb\tblue\n")
    assert first.fault == tables.OLD_BREAK and second.cells["caption"] == "blue"


@pytest.mark.parametrize("half", [r"\ud800", r"\udfff"])
@pytest.mark.parametrize("form", ['"red %s"', '["red %s"]'])
def test_half_a_letter_is_no_text(tmp_path, half, form):
    [row] = read(tmp_path, "x.jsonl", '{"file": "a", "caption": %s}' % (form % half))
    assert row.fault == tables.NO_UTF8


def test_a_nul_byte_in_a_list_is_found(tmp_path):
    [row] = read(tmp_path, "x.jsonl", r'{"file": "a", "caption": ["red \u0000"]}')
    assert row.fault == "a NUL byte"


def test_a_gzip_file_of_damaged_blocks_is_a_sentence(tmp_path):
    data = bytearray(gzip.compress(b"file\tcaption\na\tred\n"))
    data[10:12] = b"\xff\xff"
    with pytest.raises(UserError, match="no whole gzip file"):
        read(tmp_path, "x.tsv.gz", bytes(data))
