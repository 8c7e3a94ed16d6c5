"""The command: what it refuses before it writes anything."""

import pytest

from data_pipelines import build, inspect, merge, records
from data_pipelines.files import whole_folder
from data_pipelines.words.find import holds_words
from data_pipelines.words.pieces import Pieces
from tests.data_pipelines.sources.made import png
from tests.data_pipelines.sources.test_tars import pack


@pytest.mark.parametrize(
    "flags, sentence",
    [
        (["--from=scenes", "--shard_size=0"], "--shard_size must be between 1 and 10000, not 0"),
        (["--from=scenes", "--seed=-1"], "--seed must be at least 0, not -1"),
        (["--from=scenes", "--preset=tny"], "did you mean tiny?"),
        (["--from=scenes", "--vocabulary_size=3"], "--vocabulary_size must be above 3"),
        (["--from=folder", "--validation=2"], "--validation must be at least 0 and below 1"),
        (["--from=folder", "--test=-0.1"], "--test must be at least 0 and below 1"),
        (["--from=folder", "--pairs=-1"], "--pairs must be at least 0, not -1"),
        (["--from=folder"], "needs --images=DIR and --captions=FILE"),
        (
            ["--from=folder", "--images=a", "--captions=b", "--validation=0.5", "--test=0.5"],
            "--validation and --test take all pairs",
        ),
        (["--from=emoji", "--source=nowhere"], "holds no protocol.json"),
        (["--preset=easy"], "--from is missing; give --from=KIND"),
        (["--from=coco", "--texts=x"], "--texts is for --from=folder or texts; take it out."),
        (["--from=texts", "--images=x"], "--images is for --from=folder or coco; take it out."),
        (["--from=scenes", "--unpair"], "--unpair is for --from=folder, coco, webdataset, parq"),
        (["--from=emoji", "--resize=288"], "--resize is for"),
        (["--from=texts", "--validation=0.5"], "--validation is for"),
        (["--from=texts", "--pairs=3"], "--pairs is for --from=scenes, emoji, folder, coco, web"),
        (["--from=folder", "--shards=x.tar"], "--shards is for --from=webdataset; take it out."),
        (["--from=folder", "--preset=medium"], "--preset is for --from=scenes; take it out."),
        (["--from=folder", "--text_column=x"], "--text_column is for --from=webdataset, parquet,"),
        (["--from=folder", "--split=test"], "--split is for --from=tfds or seqio; take it out."),
        (["--from=webdataset", "--image_column=x"], "is for --from=parquet, tfds or seqio"),
    ],
)
def test_a_wrong_request_is_one_sentence_and_leaves_no_folder(flags, sentence, tmp_path, capsys):
    assert build.main([*flags, f"--out={tmp_path / 'new'}"]) == 2
    out, error = capsys.readouterr()
    assert sentence in error and len(error.splitlines()) == 1 and not out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["file/below", "full"])
def test_a_place_that_cannot_be_filled_is_one_sentence(place, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").write_text("")
    assert build.main(["--from=scenes", "--preset=easy", f"--out={tmp_path / place}"]) == 2
    error = capsys.readouterr().err
    assert "another --out" in error and len(error.splitlines()) == 1
    assert len(list(tmp_path.rglob("*"))) == 3


def test_a_second_builder_is_refused_and_a_killed_one_is_begun_anew(tmp_path, capsys):
    command = ["--from=scenes", "--preset=easy", f"--out={tmp_path / 'out'}"]
    with whole_folder(tmp_path / "out"):
        assert build.main(command) == 2
    assert "is being made by another process" in capsys.readouterr().err
    (tmp_path / ".out.draft").mkdir()  # as a kill leaves it
    (tmp_path / ".out.draft/pairs").write_text("half")
    (tmp_path / ".out.lock").write_text("")
    assert build.main(command) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert not (tmp_path / "out/pairs").exists()


def test_words_that_cannot_be_learnt_cost_nothing_that_is_written(tmp_path, capsys):
    each = [[(f"{i}.png", png(i)), (f"{i}.txt", b"a picture")] for i in range(5)]
    pack(tmp_path / "a.tar", sum(each, []))
    flags = ["--from=webdataset", f"--shards={tmp_path}/a.tar", f"--out={tmp_path}/out"]
    assert build.main([*flags, "--vocabulary_size=4"]) == 2
    told = capsys.readouterr().err
    assert "4 pieces are too few" in told and "give at least" in told and told.count("\n") == 1
    kept = {file: file.stat().st_mtime_ns for file in tmp_path.glob(".out.draft/*.array_record")}
    assert kept and (tmp_path / ".out.draft/.rows").is_file()
    assert build.main([*flags, "--vocabulary_size=40"]) == 0
    for file, written in kept.items():
        assert (tmp_path / "out" / file.name).stat().st_mtime_ns == written
    assert {file.name for file in tmp_path.iterdir()} == {"a.tar", "out"}
    assert Pieces(tmp_path / "out/vocabulary.model").size <= 40
    assert not (tmp_path / "out/.rows").exists()


def test_pictures_alone_are_a_data_set_without_words(tmp_path, capsys):
    pack(tmp_path / "a.tar", [(f"{i}.png", png(i)) for i in range(5)])
    pack(tmp_path / "b.tar", [("9.png", png(9)), ("9.txt", b"a picture of nine")])
    for name, more in (("a", []), ("b", ["--vocabulary_size=40", "--test=0", "--validation=0"])):
        flags = ["--from=webdataset", f"--shards={tmp_path}/{name}.tar", *more]
        assert build.main([*flags, f"--out={tmp_path}/{name}"]) == 0
    out = capsys.readouterr().out
    assert "images 5\n" in out and "--config.data.rows.draw=0" in out
    assert records.read_info(tmp_path / "a")["files"].keys() == {"report.json"}
    assert inspect.main([str(tmp_path / "a"), f"--out={tmp_path}/page.html"]) == 0
    assert merge.main([f"{tmp_path}/a", f"{tmp_path}/b:pairs", f"--out={tmp_path}/mix"]) == 0
    assert merge.main([f"{tmp_path}/a", f"--out={tmp_path}/alone"]) == 0
    assert holds_words(tmp_path / "mix") and not holds_words(tmp_path / "a")
