"""Makes a data set: record shards, a vocabulary and dataset.json.

python -m data_pipelines.build --from=scenes --preset=tiny --out=DIR
python -m data_pipelines.build --from=folder --images=DIR --captions=FILE.tsv --out=DIR
python -m data_pipelines.build --from=emoji --source=DIR --pairs=400 --out=DIR
"""

import json
import pathlib
import shlex
import sys

from configs.commands import Argument, command
from configs.keys import Check, at_least, below_one, between, one_of
from data_pipelines import emoji, folder, made_of
from data_pipelines.errors import UserError
from data_pipelines.files import check_writable, whole_folder
from data_pipelines.records import INFO, fill, read_info
from data_pipelines.scenes import build as scenes
from data_pipelines.scenes.world import PRESETS
from data_pipelines.words.find import open_words
from data_pipelines.words.pieces import FILE
from data_pipelines.words.train import TRAINED, texts_of, train_enough_pieces, train_pieces

LICENCES = {
    "scenes": "CC0-1.0",
    "folder": "as the pictures and texts it was made from",
    "emoji": "see LICENSES.txt of the source",
}
TOKENIZERS = {"scenes": "vq_tiny", "folder": "vq_emoji", "emoji": "vq_emoji"}  # to begin with
MOST_SHARDS = 500  # of a split, whose files are open at the same time
PIECES = Check(lambda n: n == 0 or n > 3, "above 3, or 0 for 256 of scenes and else 1000")
ARGUMENTS = {
    "--from": Argument("", "what to make it of", one_of(*LICENCES), form="KIND", needed=True),
    "--out": Argument("", "folder to make", form="DIR", needed=True),
    "--shards": Argument(2, "files a split", between(1, MOST_SHARDS), form="N"),
    "--vocabulary": Argument(
        "", "a SentencePiece model, such as T5's spiece.model", form="FILE", bucket=True
    ),
    "--vocabulary_size": Argument(0, "pieces to learn", PIECES, form="N"),
    "--pairs": Argument(0, "pairs to keep as pairs, or to draw; 0: all", at_least(0), form="N"),
    "--preset": Argument("tiny", "scenes: how difficult", one_of(*PRESETS), form="NAME"),
    "--seed": Argument(0, "scenes: of everything drawn", at_least(0), form="N"),
    "--questions_each": Argument(0, "scenes: questions of a picture", at_least(0), form="N"),
    "--images": Argument("", "folder: folders or zips, comma between", form="DIR,DIR"),
    "--captions": Argument("", "folder: table with columns file and caption", form="FILE"),
    "--questions": Argument(
        "", "folder: table with columns file, question and answer", form="FILE"
    ),
    "--texts": Argument("", "folder: lone texts, a table or one a line", form="FILE"),
    "--validation": Argument(0.05, "folder: share of the pairs", below_one(), form="SHARE"),
    "--test": Argument(0.05, "folder: share of the pairs", below_one(), form="SHARE"),
    "--source": Argument("", "emoji: folder of the set", form="DIR"),
}


@command("data_pipelines.build", "make a data set of scenes, your own pictures or emoji", ARGUMENTS)
def main(options):
    """Build, unless the folder already holds what this command makes."""
    out = pathlib.Path(options.out)
    given = main.given(options)
    del given["--out"]  # the same, wherever it may lie
    options.command = main.typed(options, without=("--out",))
    if (out / INFO).exists():
        _check_same(out, options.command, given)
        print(f"{out} is there already")
        return
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UserError(f"{out} is not an empty folder; choose another --out.")
    check_writable(out, "--out")
    report = folder.Report()
    with whole_folder(out) as draft:  # from the start: who comes second is told before the work
        splits, parameters = _make(options, report)
        splits = {name: list(records) for name, records in splits.items()}
        extra = _vocabulary(options, splits)
        extra["report.json"] = json.dumps(report.summary(), indent=1).encode()
        kind = options.from_
        about = dict(name=kind, licence=LICENCES[kind], parameters=parameters)
        about |= dict(made_by=options.command, made_of=made_of.read(given))
        info = _fill(draft, splits, shards=options.shards, extra=extra, **about)
    _tell(out, kind, info["splits"], report)


def _check_same(out, typed, given):
    """Refuses a data set that the command would make otherwise."""
    info = read_info(out)
    if "made_of" in info:
        changed = "; ".join(made_of.changes(info["made_of"], made_of.read(given)))
    else:  # made before contents were told
        changed = "" if info["made_by"] == typed else f"it was made by `{info['made_by']}`"
    if changed:
        raise UserError(
            f"{out} is there, but not what this command makes now: {changed}. Give another --out, "
            f"or remove {out} to build it anew."
        )


def _tell(out, kind, splits, report):
    """What is there, what was skipped, and what to do next."""
    print(f"{out}: " + ", ".join(f"{name} {split['records']:,}" for name, split in splits.items()))
    for reason, found in report.summary().items():
        print(f"skipped {found['count']:,}: {reason} (first: {found['first'][0]})")
    print(f"next: {_next(out, kind, splits)}")


def _next(out, kind, splits):
    """The command that trains a tokenizer on it."""
    words = [f"python -m itit_jax.main --config=configs/{TOKENIZERS[kind]}.py --workdir=RUN"]
    words.append(f"--config.data.path={shlex.quote(str(out))}")
    if "test" not in splits:
        scored = next((name for name in ("validation", "pairs") if name in splits), "")
        words.append(f"--config.evaluate.splits={scored}{',' if scored else ''}")
    return " ".join(words)


def _fill(draft, splits, **about):
    try:
        return fill(draft, splits, **about)
    except OSError as error:
        raise UserError(f"--out cannot be written ({error}); choose another.") from error


def _make(options, report):
    if options.from_ == "scenes":
        made = options.preset, options.seed, options.pairs, options.questions_each
        return scenes.make(*made)
    return {"folder": folder, "emoji": emoji}[options.from_].make(options, report)


def _vocabulary(options, splits):
    """{name: bytes} of the vocabulary that lies beside the records."""
    if options.vocabulary:
        return open_words(options.vocabulary).files()
    texts = [t for name in TRAINED for r in splits.get(name, ()) for t in texts_of(r)]
    if options.vocabulary_size:
        return {FILE: train_pieces(texts, options.vocabulary_size)}
    return {FILE: train_enough_pieces(texts, 256 if options.from_ == "scenes" else 1000)}


if __name__ == "__main__":
    sys.exit(main())
