"""On Beam's DirectRunner the data set is that of the builder; `make test-beam` brings Beam."""

import sys

import numpy as np
import pytest

from data_pipelines import beam, build
from data_pipelines.images import encode_png
from data_pipelines.records import digest, read_info
from tests.data_pipelines.test_on_workers import both, contents, tars  # noqa: F401


@pytest.fixture
def runner():
    pytest.importorskip("apache_beam", reason="Beam has an environment of its own: make test-beam")


def parquet(folder):
    """Two files with the split in their names; the second repeats pictures of the first."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    for split, first in (("train", 0), ("validation", 30)):
        pixels = [np.full((40, 50, 3), 3 * i, np.uint8) for i in range(first, first + 40)]
        cells = [{"bytes": encode_png(each), "path": None} for each in pixels]
        said = [f"a grey of {3 * i}" * (i % 7 > 0) for i in range(first, first + 40)]
        table = pa.table({"image": cells, "caption": said})
        pq.write_table(table, folder / f"{split}-00000-of-00001.parquet")
    return f"--files={folder}/*.parquet"


def texts(folder):
    (folder / "a.txt").write_text("\n".join(f"a lone text called {i}" for i in range(50)))
    (folder / "b.jsonl").write_text('{"text": "another"}\n[]\n')
    return f"--texts={folder}/a.txt,{folder}/b.jsonl"


def test_tars_become_the_same_folder(runner, tars, tmp_path):  # noqa: F811
    flags = ["--from=webdataset", f"--shards={tars}/*.tar", "--pairs=40", "--shard_size=1"]
    apart = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")  # as machines are
    here, there = tmp_path / "here", tmp_path / "there"
    assert build.main([*flags, f"--out={here}"]) == 0
    assert beam.main([*flags, f"--out={there}", "--", *apart]) == 0
    assert contents(here) == contents(there)
    assert digest(read_info(here)) == digest(read_info(there))
    assert len(read_info(there)["splits"]["images"]["shards"]) > 1


@pytest.mark.parametrize(
    "kind, made, flags",
    [
        ("parquet", parquet, ("--resize=20", "--unpair")),
        ("parquet", parquet, ("--drop_duplicates",)),
        ("texts", texts, ("--vocabulary_size=40",)),
    ],
)
def test_any_files_become_the_same_folder(kind, made, flags, runner, tmp_path):
    (tmp_path / "source").mkdir()
    here, there = both(tmp_path, f"--from={kind}", made(tmp_path / "source"), *flags)
    assert contents(here) == contents(there)
    assert digest(read_info(here)) == digest(read_info(there))


def test_files_and_data_set_may_lie_in_a_bucket(
    runner, bucket, tars, tmp_path, monkeypatch  # noqa: F811
):
    monkeypatch.chdir(tmp_path)
    for file in tars.iterdir():
        bucket.write(f"cc/{file.name}", file.read_bytes())
    flags = ["--from=webdataset", "--pairs=20"]
    assert build.main([*flags, f"--shards={tars}/*.tar", "--out=here"]) == 0
    far = [*flags, "--shards=gs://bucket/cc/*.tar", "--out=gs://bucket/data/cc"]
    assert beam.main([*far, "--", "--runner=DirectRunner"]) == 0
    found = {name for name in bucket.objects if name.startswith("data/")}
    for name in found:
        (tmp_path / "there").mkdir(exist_ok=True)
        (tmp_path / "there" / name.rpartition("/")[2]).write_bytes(bucket.objects[name][0])
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "there"]
    assert beam.main(far) == 0, "it is there already"
    assert {name for name in bucket.objects if name.startswith("data/")} == found


def test_a_fault_that_a_machine_finds_is_one_sentence(runner, tmp_path, capfd):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "a.parquet")
    flags = ["--from=parquet", f"--files={tmp_path}/a.parquet", f"--out={tmp_path}/out"]
    said = []
    for command in (build, beam):
        assert command.main(flags) == 2
        said.append(capfd.readouterr().err.splitlines()[-1])
    assert said[0] == said[1] and "a.parquet has the columns x; say by" in said[0]
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_files_of_which_nothing_can_be_used_are_told_as_the_builder_tells(
    runner, tmp_path, capfd
):
    (tmp_path / "a.jsonl").write_text("[]\n[]\n")
    flags = ["--from=texts", f"--texts={tmp_path}/a.jsonl", f"--out={tmp_path}/out"]
    said = []
    for command in (build, beam):
        assert command.main(flags) == 2
        said.append(capfd.readouterr().err.splitlines()[-1])
    assert said[0] == said[1] and "line is no JSON object: 2, first a.jsonl:1" in said[0]


def test_without_beam_the_command_names_what_brings_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    assert beam.main(["--from=texts", "--texts=x.txt", f"--out={tmp_path}/out"]) == 2
    out, error = capsys.readouterr()
    assert "pip install -r requirements/beam.txt" in error and len(error.splitlines()) == 1
    assert not out and not list(tmp_path.iterdir())


def test_a_flag_of_another_kind_is_refused_and_no_kind_named_that_beam_lacks(tmp_path, capsys):
    flags = ["--from=webdataset", "--shards=x.tar", "--image_column=x", f"--out={tmp_path}/out"]
    assert beam.main(flags) == 2
    assert capsys.readouterr().err.endswith("--image_column is for --from=parquet; take it out.\n")
