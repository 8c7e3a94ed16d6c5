"""One data set of splits of several: no record is copied, no pair comes together again."""

import json
import re
import shutil

import numpy as np
import pytest

from data_pipelines import merge, verify
from data_pipelines.errors import UserError
from data_pipelines.records import INFO, UNSIGNED, Records, digest, read_info
from data_pipelines.streams import Streams
from tests.data_pipelines.sources.made import png, run


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Two folders of pictures of which two pairs are kept, and a set of lone texts."""
    place = tmp_path_factory.mktemp("parts")
    for name, first in (("a", 0), ("b", 100)):
        (place / f"{name}.p").mkdir()
        for i in range(12):
            (place / f"{name}.p/{i}.png").write_bytes(png(first + i))
        rows = [f"{i}.png\ta picture {first + i}" for i in range(11)]
        (place / f"{name}.tsv").write_text("\n".join(["file\tcaption", *rows]))
        flags = [f"--images={place}/{name}.p", f"--captions={place}/{name}.tsv", "--pairs=2"]
        assert run(place / name, "--from=folder", "--test=0.2", *flags) == 0
    (place / "t.txt").write_text("one\ntwo\n")
    assert run(place / "t", "--from=texts", f"--texts={place}/t.txt") == 0
    return place


def do(place, *named):
    words = [str(place / part) for part in named]
    return merge.main([*words, f"--out={place / 'mix'}"])


@pytest.fixture
def place(parts):
    yield parts
    shutil.rmtree(parts / "mix", ignore_errors=True)


def keys(folder, split):
    return [record.key for record in Records(folder, split)]


def test_a_merged_set_holds_the_records_of_all_in_order_and_copies_none(place):
    before = sum(file.stat().st_size for file in place.rglob("*.array_record"))
    assert do(place, "a", "b:images", "t") == 0
    mix = read_info(place / "mix")
    assert keys(place / "mix", "images") == keys(place / "a", "images") + keys(
        place / "b", "images"
    )
    assert keys(place / "mix", "texts") == keys(place / "a", "texts") + ["t.txt:1", "t.txt:2"]
    assert keys(place / "mix", "pairs") == keys(place / "a", "pairs")
    assert sum(file.stat().st_size for file in place.rglob("*.array_record")) == before
    assert (
        mix["lone_sets_are_apart"]
        and mix["splits"].keys() == read_info(place / "a")["splits"].keys()
    )
    rows = {"draw": 2, "images": 4, "texts": 4}
    found = Streams(place / "mix", rows, seed=0, image_size=8, text_length=8,
                    vocabulary=place / "mix")  # fmt: skip
    assert found.batch(3)["images"]["image"].shape == (4, 8, 8, 3)
    assert verify.main([str(place / "mix")]) == 0
    words = read_info(place / "a")["files"]["vocabulary.model"]
    assert mix["files"] == {"vocabulary.model": words}, "the report of one is not that of all"


def test_a_split_of_one_set_keeps_its_digest_and_all_may_move_together(place, tmp_path):
    assert do(place, "a") == 0
    assert digest(read_info(place / "mix")) == digest(read_info(place / "a"))
    shutil.copytree(place, tmp_path / "moved")
    assert keys(tmp_path / "moved/mix", "pairs") == keys(place / "a", "pairs")


def test_a_text_whose_picture_lies_alone_in_another_set_is_refused(place, capsys):
    flags = [f"--images={place}/a.p", f"--captions={place}/a.tsv"]
    if not (place / "other").exists():
        assert run(place / "other", "--from=folder", "--unpair", "--test=0", *flags) == 0
    assert do(place, "a:images", "other:texts") == 2
    error = capsys.readouterr().err
    assert "lone texts of" in error and "take both from one data set" in error
    pixels = lambda folder, split: np.load(place / folder / f"{split}.hashes.npy")["pixels"]
    met = np.isin(pixels("other", "texts"), pixels("a", "images")).sum()
    assert met and f"{met} lone texts" in error
    assert not (place / "mix").exists()


def test_pictures_that_another_set_trains_on_are_told(place, capsys):
    flags = [f"--images={place}/a.p", f"--captions={place}/a.tsv", "--test=0", "--validation=0"]
    if not (place / "all").exists():
        assert run(place / "all", "--from=folder", *flags) == 0
    held = len(keys(place / "a", "test"))
    assert held and do(place, "all:pairs", "a:test") == 0
    assert f"{held} pictures of test are trained on too" in capsys.readouterr().out
    assert read_info(place / "mix")["leaks"] == {"test": {"count": held}}


def test_drawn_sets_are_told_apart_by_what_they_show(easy, place, capsys):
    from data_pipelines import build

    if not (place / "other_easy").exists():
        flags = ["--from=scenes", "--preset=easy", "--seed=1", f"--out={place / 'other_easy'}"]
        assert build.main(flags) == 0
    assert merge.main([f"{easy}:images", f"{place}/other_easy:texts", f"--out={place}/mix"]) == 2
    assert "lone texts of" in capsys.readouterr().err
    assert merge.main([str(easy), f"{place}/t:texts", f"--out={place}/mix"]) == 0


@pytest.mark.parametrize(
    "named, sentence",
    [
        (["a", "a:pairs"], "pairs of .*a is given twice"), (["a:dev"], "has no split dev"),
        (["nowhere"], "holds no dataset.json"), (["a.p:pairs"], "holds no dataset.json"),
    ],
)  # fmt: skip
def test_wrong_parts_are_one_sentence(named, sentence, place, capsys):
    assert do(place, *named) == 2
    error = capsys.readouterr().err
    assert re.search(sentence, error) and len(error.splitlines()) == 1
    assert not (place / "mix").exists()


def test_a_merged_set_is_not_merged_again(place, capsys):
    assert do(place, "a") == 0
    assert merge.main([f"{place}/mix", f"--out={place}/more"]) == 2
    assert "was merged itself" in capsys.readouterr().err


def test_a_set_whose_splits_have_no_hash_is_refused(place, tmp_path, capsys):
    old = shutil.copytree(place / "t", tmp_path / "old")
    info = read_info(old)
    del info["splits"]["texts"]["sha256"]
    (old / INFO).write_text(json.dumps(info | {"format": UNSIGNED}))
    assert merge.main([f"{place}/a:pairs", str(old), f"--out={place}/mix"]) == 2
    assert f"{old} was made by an older version; build it anew." in capsys.readouterr().err


@pytest.mark.parametrize("window", [0, 1])
def test_a_mixture_shows_the_parts_by_weight_and_all_of_each(place, window):
    assert do(place, "a:images", "b:images") == 0
    parts = Records(place / "mix", "images").parts
    options = dict(seed=0, image_size=8, text_length=8, vocabulary=place / "a/vocabulary.model")
    found = Streams(
        place / "mix", {"images": 4}, window=window, mixture={"images": (3, 1)}, **options
    )
    index = found._index("images", found._splits["images"], np.arange(1000))
    counts = [len(keys(place / part, "images")) for part in ("a", "b")]
    shown = np.split(np.bincount(index, minlength=sum(counts)), [counts[0]])
    assert [part.sum() for part in shown] == [750, 250] and min(map(min, shown)) > 0
    assert [part.count for part in parts] == counts
    with pytest.raises(UserError, match="data.mixture.images has 3 weights, .* are of 2 .* each"):
        Streams(place / "mix", {"images": 4}, mixture={"images": (1, 1, 1)}, **options)
    with pytest.raises(UserError, match="give one of the two"):
        Streams(place / "mix", {"images": 4}, mixture={"images": (1, 1)}, limits={"images": 3},
                **options)  # fmt: skip
