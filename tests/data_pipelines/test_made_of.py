"""A data set tells what it was made of, by contents: "there already" is never said of another."""

import pathlib
import shutil

import numpy as np
import pytest

from data_pipelines import build, made_of
from data_pipelines.images import encode_png
from data_pipelines.words.train import train_pieces


def fill(place):
    """Pictures, captions, lone texts and a vocabulary."""
    (place / "p").mkdir(parents=True)
    for i in range(6):
        (place / f"p/{i}.png").write_bytes(encode_png(np.full((4, 4, 3), 9 * i, np.uint8)))
    rows = [f"{i}.png\ta square called {i}" for i in range(6)]
    (place / "c.tsv").write_text("\n".join(["file\tcaption", *rows]))
    (place / "t.txt").write_text("a lone text\n")
    (place / "w.model").write_bytes(train_pieces([" ".join(map(str, range(99))) + rows[0]] * 9, 60))
    return place


@pytest.fixture
def source(tmp_path):
    return fill(tmp_path / "source")


def flags(source, *more):
    return [
        "--from=folder", f"--images={source}/p", f"--captions={source}/c.tsv",
        f"--texts={source}/t.txt", f"--vocabulary={source}/w.model", *more,
    ]  # fmt: skip


def add(file, text):
    file.write_bytes(file.read_bytes() + text)


CHANGES = {
    "--captions": lambda source: add(source / "c.tsv", b" "),
    "--texts": lambda source: (source / "t.txt").unlink(),
    "--vocabulary": lambda source: (source / "w.model").write_bytes(train_pieces(["b c"] * 9, 10)),
    "--images": lambda source: add(source / "p/1.png", b" "),
    "--images ": lambda source: (source / "p/1.png").rename(source / "p/7.png"),
    "--images  ": lambda source: (source / "p/notes.txt").write_text("x"),
}


@pytest.mark.parametrize("flag", CHANGES)
def test_the_same_command_on_changed_files_says_which_and_what_to_do(flag, source, capsys):
    out = source.parent / "out"
    again = lambda: build.main([*flags(source), f"--out={out}"])
    assert again() == again() == 0
    assert capsys.readouterr().out.endswith(f"{out} is there already\n")
    before = {file: file.read_bytes() for file in out.iterdir()}
    CHANGES[flag](source)
    assert again() == 2
    told = capsys.readouterr().err
    assert f"what {flag.strip()} gives has other contents. Give another --out" in told
    assert told.count("has other contents") == 1 and len(told.splitlines()) == 1
    assert before == {file: file.read_bytes() for file in out.iterdir()}


@pytest.mark.parametrize("several", ["{0}/1.txt,{0}/2.txt", "{0}/{{1..2}}.txt", "{0}/?.txt",
                                     "{0}/1.txt,~/2.txt"])  # fmt: skip
def test_lone_texts_in_several_files_are_known_by_each_of_them(
    several, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in "12":
        (tmp_path / f"{name}.txt").write_text(f"the text {name}\n" * 9)
    flags = ["--from=texts", f"--texts={several.format(tmp_path)}", f"--out={tmp_path / 'out'}"]
    assert build.main(flags) == build.main(flags) == 0
    assert capsys.readouterr().out.endswith("is there already\n")
    add(tmp_path / "2.txt", b"one more")
    assert build.main(flags) == 2
    assert "what --texts gives has other contents" in capsys.readouterr().err


def test_another_flag_is_named_with_both_values(source, capsys):
    out = f"--out={source.parent / 'out'}"
    assert build.main([*flags(source), out]) == 0
    assert build.main([*flags(source, "--test=0.5", "--shard_size=3"), out]) == 2
    told = capsys.readouterr().err
    assert "--shard_size was left out and is 3; --test was left out and is 0.5" in told


def test_what_was_moved_or_is_named_otherwise_is_the_same(source, capsys, monkeypatch):
    out = source.parent / "out"
    assert build.main([*flags(source), f"--out={out}"]) == 0
    moved = shutil.copytree(source, source.parent / "moved/there")
    shutil.rmtree(source)
    monkeypatch.chdir(moved)
    for place in (moved, pathlib.Path("."), f"{moved}/"):
        assert build.main([*flags(place), f"--out={out}/"]) == 0
    shutil.make_archive(moved / "p", "zip", moved / "p")
    zipped = [f"--images={moved}/p.zip" if "--images" in f else f for f in flags(moved)]
    assert build.main([*zipped, f"--out={out}"]) == 0


def test_data_sets_of_before_are_known_by_their_command(source, capsys):
    from data_pipelines import records

    out = source.parent / "out"
    assert build.main([*flags(source), f"--out={out}"]) == 0
    info = records.read_info(out)
    del info["made_of"]
    records.write_info(out, info)
    assert build.main([*flags(source), f"--out={out}"]) == 0
    assert build.main([*flags(source, "--test=0.5"), f"--out={out}"]) == 2
    assert "it was made by `python -m data_pipelines.build --from=folder" in capsys.readouterr().err


def test_a_folder_is_known_by_all_its_files(tmp_path):
    for place in ("a", "b"):
        fill(tmp_path / place)
    read = lambda place: made_of.read({"--source": tmp_path / place, "--seed": 3})
    before = read("a")
    assert before == read("b") and before["--seed"] == "3"
    add(tmp_path / "b/p/3.png", b"x")
    (tmp_path / "a/c.tsv").rename(tmp_path / "a/d.tsv")
    assert len({each["--source"] for each in (before, read("a"), read("b"))}) == 3
