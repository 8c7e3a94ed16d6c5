"""Makes a data set: record shards, a vocabulary and dataset.json.

python -m data_pipelines.build --from=scenes --preset=tiny --out=DIR
python -m data_pipelines.build --from=folder --images=DIR --captions=FILE.tsv --out=DIR
python -m data_pipelines.build --from=emoji --source=DIR --pairs=400 --out=DIR
"""

import argparse
import json
import pathlib
import sys

from data_pipelines import emoji, folder
from data_pipelines.errors import UserError
from data_pipelines.records import INFO, read_info, write
from data_pipelines.words.find import open_words
from data_pipelines.words.pieces import FILE
from data_pipelines.words.train import train_pieces

LICENCES = {
    "scenes": "CC0-1.0",
    "folder": "as the pictures and texts it was made from",
    "emoji": "see LICENSES.txt of the source",
}


def main(arguments=None) -> int:
    """Returns the exit code: 0 done, 2 a fault that the user can mend."""
    options = parse(arguments)
    try:
        return run(options)
    except UserError as error:
        print(f"data_pipelines: {error}", file=sys.stderr)
        return 2


def parse(arguments):
    """Options of the command line; `command` says what they make, wherever it may lie."""
    parser = argparse.ArgumentParser(
        prog="data_pipelines.build",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--from", dest="source_kind", required=True, choices=("scenes", "folder", "emoji"))
    add("--out", required=True, help="folder to make")
    add("--shards", type=int, default=2, help="files a split")
    add("--vocabulary", default="", help="a given SentencePiece or BPE, such as T5's spiece.model")
    add("--vocabulary_size", type=int, default=0, help="pieces to learn (256 scenes, else 1000)")
    add("--pairs", type=int, default=0, help="folder, emoji: pairs to keep as pairs; 0: all")
    scenes = parser.add_argument_group("scenes")
    scenes.add_argument("--preset", default="tiny", help="how difficult")
    scenes.add_argument("--seed", type=int, default=0)
    own = parser.add_argument_group("folder")
    own.add_argument("--images", default="", help="folders or zips, comma between")
    own.add_argument("--captions", default="", help="table with columns file and caption")
    own.add_argument("--texts", default="", help="lone texts: a table or one a line")
    own.add_argument("--validation", type=float, default=0.05, help="share of the pairs")
    own.add_argument("--test", type=float, default=0.05, help="share of the pairs")
    parser.add_argument("--source", default="", help="emoji: folder of the set")
    options = parser.parse_args(arguments)
    chosen = [f"--from={options.source_kind}"] + [
        f"--{name}={value}"
        for name, value in vars(options).items()
        if name not in ("source_kind", "out") and value != parser.get_default(name)
    ]
    options.command = " ".join(["python -m data_pipelines.build", *chosen])
    return options


def run(options) -> int:
    """Build, unless the folder already holds what this command makes."""
    out = pathlib.Path(options.out)
    if (out / INFO).exists():
        before = read_info(out)["made_by"]
        if before == options.command:
            print(f"{out} is there already")
            return 0
        raise UserError(f"{out} was made by `{before}`; choose another --out or remove it.")
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out} is not empty; choose another --out.")
    report = folder.Report()
    splits, parameters = _make(options, report)
    splits = {name: list(records) for name, records in splits.items()}
    extra = _vocabulary(options, splits)
    extra["report.json"] = json.dumps(report.summary(), indent=1).encode()
    kind = options.source_kind
    about = dict(
        name=kind, licence=LICENCES[kind], made_by=options.command, parameters=parameters
    )
    info = write(out, splits, shards=options.shards, extra=extra, **about)
    print(f"{out}: " + ", ".join(f"{n} {s['records']:,}" for n, s in info["splits"].items()))
    for reason, found in report.summary().items():
        print(f"skipped {found['count']:,}: {reason} (first: {found['first'][0]})")
    return 0


def _make(options, report):
    if options.source_kind == "scenes":
        from data_pipelines.scenes import build as scenes

        return scenes.make(options.preset, options.seed)
    return {"folder": folder, "emoji": emoji}[options.source_kind].make(options, report)


def _vocabulary(options, splits):
    """{name: bytes} of the vocabulary that lies beside the records."""
    if options.vocabulary:
        return open_words(options.vocabulary).files()
    size = options.vocabulary_size or (256 if options.source_kind == "scenes" else 1000)
    texts = (t for name in ("pairs", "texts") for r in splits.get(name, ()) for t in r.texts)
    return {FILE: train_pieces(texts, size)}


if __name__ == "__main__":
    sys.exit(main())
