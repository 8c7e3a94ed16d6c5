"""Makes one data set of splits of several, of which no record is copied.

python -m data_pipelines.merge data/coco data/cc3m:images data/lone:texts --out=data/mix

The shards stay where they are: dataset.json names them from where it lies. Lone pictures and lone
texts of different sets are looked at once more, so that no pair comes together again; pictures that
are held out in one set and trained on in another are told.
"""

import collections
import hashlib
import itertools
import os
import pathlib
import sys

import numpy as np

from configs.commands import Argument, command
from data_pipelines import hashes
from data_pipelines.errors import UserError
from data_pipelines.example import QUESTIONS, questions_of
from data_pipelines.files import check_writable, whole_folder
from data_pipelines.records import (
    APART,
    IN_TURN,
    INFO,
    LONE,
    Records,
    digest,
    finish,
    read_info,
)
from data_pipelines.sources.base import HELD_OUT
from data_pipelines.words.find import holds_words, open_words

NAME = "merge"  # of every such data set
TRAINED = ("pairs", "images", QUESTIONS)
ARGUMENTS = {
    "data": Argument("", "data sets, or DIR:SPLIT of them", many=True),
    "--out": Argument("", "folder to make", form="DIR", needed=True),
    "--vocabulary": Argument("", "instead of that of the first with one", form="FILE", bucket=True),
}


@command("data_pipelines.merge", "make one data set of several, without a copy", ARGUMENTS)
def main(options):
    """Writes dataset.json, which names the shards of the others, and their words."""
    out = pathlib.Path(options.out)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UserError(f"{out} is not an empty folder; choose another --out.")
    check_writable(out, "--out")
    parts = _parts(options.data)
    _check_lone(parts)
    leaks = _leaks(parts)
    infos = {folder: read_info(folder) for places in parts.values() for folder in places}
    given = options.vocabulary or next(filter(holds_words, infos), next(iter(infos)))
    wordless = parts.keys() == {"images"} and not (options.vocabulary or holds_words(given))
    words = {} if wordless else open_words(given).files()
    about = dict(
        name=NAME, made_by=main.typed(options, without=("--out",)),
        licence="; ".join(dict.fromkeys(info["licence"] for info in infos.values())),
        made_of={str(folder): digest(info) for folder, info in infos.items()},
        parameters={split: [str(folder) for folder in places] for split, places in parts.items()},
    )  # fmt: skip
    with whole_folder(out) as draft:
        splits = {split: _joined(out, split, places) for split, places in parts.items()}
        info = finish(draft, splits, {APART: True, "leaks": leaks}, words, **about)
    counts = (f"{name} {split['records']:,}" for name, split in info["splits"].items())
    print(f"{out}: {', '.join(counts)}")
    for split, found in leaks.items():
        print(f"{found['count']:,} pictures of {split} are trained on too")


def _parts(named) -> dict[str, list[pathlib.Path]]:
    """{split: folders that give it}, in order."""
    found = collections.defaultdict(list)
    for text in named:
        folder, colon, split = text.rpartition(":")
        if (pathlib.Path(text) / INFO).is_file() or not colon:
            folder, split = text, ""
        info = read_info(folder)
        if split and split not in info["splits"]:
            raise UserError(f"{folder} has no split {split}; it has {', '.join(info['splits'])}.")
        if info["name"] == NAME:
            raise UserError(f"{folder} was merged itself; give the data sets that it is made of.")
        for name in [split] if split else info["splits"]:
            place = pathlib.Path(folder)
            if any(place.resolve() == other.resolve() for other in found[name]):
                raise UserError(f"{name} of {folder} is given twice; give it once.")
            told = info["splits"][name]
            in_turn = info["format"] in IN_TURN and len(told["shards"]) > 1
            if in_turn or "sha256" not in told:
                raise UserError(f"{folder} was made by an older version; build it anew.")
            found[name].append(place)
    return found


def _joined(out, split, folders):
    """What dataset.json tells of a split: the shards of all, from where it will lie."""
    told = [read_info(folder)["splits"][split] for folder in folders]
    sums = [each["sha256"] for each in told]
    joined = hashlib.sha256(" ".join(sums).encode()).hexdigest()
    shards = [
        shard | {"file": _from(out, folder / shard["file"])}
        for folder, each in zip(folders, told)
        for shard in each["shards"]
    ]
    return {
        "records": sum(each["records"] for each in told),
        "sha256": sums[0] if len(sums) == 1 else joined,
        "shards": shards,
    }


def _from(out, file):
    return pathlib.Path(os.path.relpath(os.path.abspath(file), os.path.abspath(out))).as_posix()


def _check_lone(parts):
    """UserError if a lone text of one set was torn from a lone picture of another."""
    pictures, texts = ([(f, hashes.read(f, name)) for f in parts.get(name, ())] for name in LONE)
    for (folder, lone), (other, said) in itertools.product(pictures, texts):
        # Of one data set building has proved it; keys of different ones may be alike by chance,
        # but for those that were drawn, whose keys are what they show.
        name = "pixels" if lone["pixels"].any() and said["pixels"].any() else "key"
        met = np.isin(said[name], lone[name]) & (said[name] != 0)
        if folder != other and met.any() and (name == "pixels" or _drawn(folder, other)):
            key = Records(other, "texts")[int(np.argmax(met))].key
            raise UserError(
                f"{int(met.sum()):,} lone texts of {other} are those of lone pictures of "
                f"{folder} (first: {key}); take both from one data set, or leave out one."
            )


def _drawn(*folders):
    """Whether records of all of them were drawn, whose keys begin with what they show."""
    splits = (split for folder in folders for split in read_info(folder)["splits"].values())
    return not any("hashes" in split for split in splits)


def _leaks(parts):
    """{split: {"count"}} of pictures that are held out and trained on."""
    trained = [hashes.read(f, name)["pixels"] for name in TRAINED for f in parts.get(name, ())]
    seen = np.unique(np.concatenate([*trained, np.zeros(0, np.uint64)]))
    found = {}
    for split in (*HELD_OUT, *map(questions_of, HELD_OUT)):
        pixels = [hashes.read(folder, split)["pixels"] for folder in parts.get(split, ())]
        held = np.concatenate([*pixels, np.zeros(0, np.uint64)])
        if count := int((np.isin(held, seen) & (held != 0)).sum()):
            found[split] = {"count": count}
    return found


if __name__ == "__main__":
    sys.exit(main())
