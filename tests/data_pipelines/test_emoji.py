"""The emoji set under its protocol: on a toy of four concepts, and on the set itself."""

import json
import pathlib
import types
import zipfile

import pytest

from data_pipelines import emoji
from data_pipelines.errors import UserError

SOURCE = pathlib.Path(__file__).parents[3] / "shared" / "data" / "emoji-captions"

# concept: (split, pool, captions)
CONCEPTS = {
    "cat": ("train", "pair", ["a cat", 'a "cat" face']),
    "dog": ("train", "pair", ["a dog"]),
    "owl": ("train", "image", ["an owl"]),
    "sun": ("train", "text", ["a sun", "the sun"]),
    "bus": ("test", "-", ["a bus"]),
}
VENDORS = ("noto", "twemoji")


def table(columns, rows):
    return "".join("\t".join(row) + "\n" for row in [columns, *rows])


@pytest.fixture
def toy(tmp_path):
    """The set of CONCEPTS, each drawn by two vendors."""
    protocol = {"pairs": {"1": ["cat"], "2": ["cat", "dog"]}, "pair_vendor": "noto"}
    (tmp_path / "protocol.json").write_text(json.dumps(protocol))
    concepts = [(name, split, pool) for name, (split, pool, _) in CONCEPTS.items()]
    (tmp_path / "concepts.tsv").write_text(table(("concept", "split", "pool"), concepts))
    captions = [(name, text) for name, (*_, texts) in CONCEPTS.items() for text in texts]
    (tmp_path / "captions.tsv").write_text(table(("concept", "caption"), captions))
    images = [(f"{vendor}/{name}.png", vendor, name, split)
              for name, (split, *_) in CONCEPTS.items() for vendor in VENDORS]  # fmt: skip
    (tmp_path / "images.tsv").write_text(table(("file", "vendor", "concept", "split"), images))
    for vendor in VENDORS:
        with zipfile.ZipFile(tmp_path / f"images-{vendor}.zip", "w") as archive:
            for name in CONCEPTS:
                archive.writestr(f"{vendor}/{name}.png", f"{name} of {vendor}")
    return tmp_path


def make(source, pairs=None):
    return emoji.make(types.SimpleNamespace(source=str(source), pairs=pairs))


def test_each_split_holds_what_the_protocol_says(toy):
    splits, parameters = make(toy, pairs=1)
    found = {name: {r.key: r.texts for r in rows} for name, rows in splits.items()}
    assert found == {
        "pairs": {"cat#noto": ("a cat", 'a "cat" face')},
        "images": {"owl#twemoji": ()},  # of the other vendor, without its text
        "texts": {"sun#text": ("a sun", "the sun")},
        "validation": {},
        "test": {"bus#noto": ("a bus",)},
    }
    assert splits["images"][0].image == b"owl of twemoji" and splits["texts"][0].image == b""
    assert parameters == {"source": "emoji-captions", "pairs": 1}


def test_more_pairs_hold_the_fewer_and_change_nothing_else(toy):
    few, many = make(toy, pairs=1)[0], make(toy, pairs=2)[0]
    assert [r.key for r in many["pairs"]] == ["cat#noto", "dog#noto"]
    assert few["pairs"] == many["pairs"][:1]
    assert all(few[name] == many[name] for name in few if name != "pairs")


def test_what_is_not_there_is_one_sentence(toy, tmp_path):
    with pytest.raises(UserError, match="no list of 3 pairs; choose 1, 2"):
        make(toy, pairs=3)
    with pytest.raises(UserError, match="holds no protocol.json; give the emoji-captions set"):
        make(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["images-noto.zip", "captions.tsv", "images.tsv", "protocol.json"])
@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_set_that_is_not_whole_is_one_sentence(name, damage, toy):
    file = toy / name
    file.unlink() if damage == "gone" else file.write_bytes(file.read_bytes()[:7])
    with pytest.raises(UserError, match="is not whole .*; fetch it again|holds no protocol.json"):
        make(toy, pairs=1)


@pytest.mark.skipif(not SOURCE.is_dir(), reason="emoji-captions is not beside the project")
def test_the_set_has_the_numbers_of_its_readme():
    splits, _ = make(SOURCE)
    counts = [len(splits[name]) for name in ("pairs", "images", "texts")]
    assert counts == [400, 1321, 510]
    concepts = {name: {r.key.split("#")[0] for r in rows} for name, rows in splits.items()}
    assert not concepts["images"] & concepts["texts"]
    assert not (concepts["images"] | concepts["texts"]) & concepts["pairs"]
    assert not concepts["test"] & set.union(*(concepts[n] for n in ("pairs", "images", "texts")))
    assert all(r.texts == () for r in splits["images"])
