"""The files that a pattern names."""

import pytest

from data_pipelines.errors import UserError
from data_pipelines.sources import files
from data_pipelines.sources.files import Share, expand, sums, told_splits


@pytest.fixture
def place(tmp_path):
    for name in ("00008.tar", "00009.tar", "00010.tar", "a,b.tar", "odd[1].tar"):
        (tmp_path / name).write_text(name)
    return tmp_path


def names(place, *patterns):
    return [file.name for file in expand(",".join(f"{place}/{p}" for p in patterns), "--shards")]


def test_braces_stars_commas_and_names(place):
    assert names(place, "{00008..00010}.tar") == ["00008.tar", "00009.tar", "00010.tar"]
    assert names(place, "0000?.tar", "00010.tar") == ["00008.tar", "00009.tar", "00010.tar"]
    assert names(place, "0{000..000}{8..9}.tar") == ["00008.tar", "00009.tar"]
    assert names(place, "a,b.tar") == ["a,b.tar"] and names(place, "odd[1].tar") == ["odd[1].tar"]


@pytest.mark.parametrize(
    "pattern, sentence",
    [("{00008..00011}.tar", "00011.tar is no file"), ("*.zip", r"\*.zip is no file"),
     ("{00008..00009}.tar,PLACE/0*8.tar", "names a file twice")],
)  # fmt: skip
def test_what_is_not_there_or_twice_is_refused(pattern, sentence, place):
    with pytest.raises(UserError, match=sentence):
        expand(f"{place}/{pattern}".replace("PLACE", str(place)), "--shards")


def test_files_of_one_name_in_different_folders_are_told_apart(tmp_path):
    for folder in ("a", "b/c"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "0.tar").write_text("")
    found = expand(f"{tmp_path}/*/0.tar,{tmp_path}/b/c/0.tar", "--shards")
    assert list(files.labels(found).values()) == ["a/0.tar", "b/c/0.tar"]
    assert list(files.labels(found[:1]).values()) == ["0.tar"]


def test_files_are_known_by_names_sizes_and_ends_wherever_they_lie(place, tmp_path_factory):
    before, other = sums(f"{place}/*.tar"), tmp_path_factory.mktemp("other")
    for file in place.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    assert sums(f"{other}/*.tar") == before
    (other / "00008.tar").write_text("00008.TAR")
    changed = sums(f"{other}/*.tar")
    (other / "00008.tar").unlink()
    assert len({before, changed, sums(f"{other}/*.tar"), sums(f"{other}/00008.tar")}) == 4


def test_splits_are_told_by_names_only_where_they_differ():
    told = {"train-0.tar": "pairs", "x_val2017.json": "validation", "test.parquet": "test"}
    assert told_splits([*told, "contest.tar"]) == told
    assert told_splits(["train-0.tar", "train-1.tar", "other.tar"]) == {}


def test_the_share_that_is_read_goes_by_sizes(place):
    (place / "00008.tar").write_bytes(bytes(300))
    (place / "00009.tar").write_bytes(bytes(100))
    share = Share([place / "00008.tar", place / "00009.tar"])
    assert [share.at(0), share.at(0, 0.5), share.at(1), share.at(1, 1.0)] == [0, 0.375, 0.75, 1]


def test_names_that_are_no_text_are_written_out():
    assert files.as_text("a\udcff") == "a\\xff" and files.as_text("ä") == "ä"
