"""Makes a data set: record shards, a vocabulary and dataset.json.

python -m data_pipelines.build --from=scenes --preset=tiny --out=DIR
python -m data_pipelines.build --from=folder --images=DIR --captions=FILE.tsv --out=DIR
python -m data_pipelines.build --from=emoji --source=DIR --pairs=400 --out=DIR
python -m data_pipelines.build --from=coco --images=train2017.zip --captions=FILE.json --out=DIR
python -m data_pipelines.build --from=webdataset --shards='DIR/{00000..00331}.tar' --out=DIR
python -m data_pipelines.build --from=parquet --files='DIR/*.parquet' --out=DIR
python -m data_pipelines.build --from=texts --texts='DIR/*.txt.gz' --out=DIR
python -m data_pipelines.build --from=tfds:coco_captions:1.1.0 --split=train --out=DIR
python -m data_pipelines.build --from=seqio:my_module:my_mixture --split=train --out=DIR
"""

import json
import shlex
import sys

from configs.commands import Argument, command
from configs.keys import Check, at_least, below_one, between, one_of
from data_pipelines import emoji, importing, made_of, records
from data_pipelines.errors import Resumable, UserError
from data_pipelines.files import check_writable, is_address, is_draft, located, whole_folder
from data_pipelines.folder import Folder
from data_pipelines.records import INFO, read_info
from data_pipelines.report import Report
from data_pipelines.scenes import build as scenes
from data_pipelines.scenes.world import PRESETS
from data_pipelines.sources.coco import Coco
from data_pipelines.sources.parquet import Parquet
from data_pipelines.sources.tensorflow_sets import Seqio, Tfds
from data_pipelines.sources.texts import Texts
from data_pipelines.sources.webdataset import WebDataset
from data_pipelines.words.find import open_words
from data_pipelines.words.pieces import FILE
from data_pipelines.words.train import TRAINED, texts_of, train_enough_pieces, train_pieces

LICENCES = {"scenes": "CC0-1.0", "emoji": "see LICENSES.txt of the source"}
SOURCES = {
    "folder": Folder, "coco": Coco, "webdataset": WebDataset, "parquet": Parquet, "texts": Texts,
    "tfds": Tfds, "seqio": Seqio,
}  # fmt: skip
PICTURED = tuple(kind for kind in SOURCES if kind != "texts")  # whose examples may be pairs
WORDS = ("--vocabulary", "--vocabulary_size")  # flags that no shard depends on
THEIRS = "as the pictures and texts it was made from"
KINDS = (*LICENCES, *SOURCES)
FROM = Check(
    lambda kind: kind.partition(":")[0] in KINDS
    and (":" in kind) == (kind.partition(":")[0] in ("tfds", "seqio")),
    f"{', '.join(KINDS[:-2])}, tfds:NAME:VERSION or seqio:MODULE:NAME", KINDS,
)  # fmt: skip
TOKENIZERS = {"scenes": "vq_tiny"}  # to begin with; of all others:
TOKENIZER = "vq_emoji"
PIECES = Check(lambda n: n == 0 or n > 3, "above 3, or 0 for 256 of scenes and else 1000")
ARGUMENTS = {
    "--from": Argument("", "what to make it of", FROM, form="KIND", needed=True),
    "--out": Argument("", "folder to make", form="DIR", needed=True),
    "--shard_size": Argument(200, "megabytes of a file", between(1, 10_000), form="N"),
    "--vocabulary": Argument(
        "", "a SentencePiece model, such as T5's spiece.model", form="FILE", bucket=True
    ),
    "--vocabulary_size": Argument(0, "pieces to learn", PIECES, form="N"),
    "--pairs": Argument(
        0, "pairs to keep as pairs, or to draw; 0: all", at_least(0), form="N",
        only=(*LICENCES, *PICTURED),
    ),
    "--unpair": Argument(
        False, "tear the others, or all: half lends pictures, half texts", only=PICTURED
    ),
    "--drop_duplicates": Argument(
        False, "leave one of all pictures of the same pixels", only=PICTURED
    ),
    "--resize": Argument(
        0, "short side of pictures to store; 0: as they are", at_least(0), form="N", only=PICTURED
    ),
    "--quality": Argument(90, "of the JPEG of those", between(1, 100), form="N", only=PICTURED),
    "--preset": Argument(
        "tiny", "how difficult", one_of(*PRESETS), form="NAME", only=("scenes",)
    ),
    "--seed": Argument(0, "of everything drawn", at_least(0), form="N", only=("scenes",)),
    "--questions_each": Argument(
        0, "questions of a picture", at_least(0), form="N", only=("scenes",)
    ),
    "--images": Argument(
        "", "folders or zips, comma between", form="DIR,DIR", only=("folder", "coco")
    ),
    "--captions": Argument(
        "", "table with columns file and caption, or COCO's JSON", form="FILE,FILE",
        only=("folder", "coco"),
    ),
    "--karpathy": Argument(
        "", "dataset_coco.json, whose splits to take", form="FILE", only=("coco",)
    ),
    "--shards": Argument(
        "", "its tars, as DIR/{00000..00331}.tar", form="PATTERN", only=("webdataset",)
    ),
    "--files": Argument("", "its files, as DIR/*.parquet", form="PATTERN", only=("parquet",)),
    "--split": Argument("train", "which split of it", form="NAME", only=("tfds", "seqio")),
    "--image_column": Argument(
        "", "where pictures are, if not under a usual name", form="NAME",
        only=("parquet", "tfds", "seqio"),
    ),
    "--text_column": Argument(
        "", "where texts are, likewise", form="NAME",
        only=("webdataset", "parquet", "texts", "tfds", "seqio"),
    ),
    "--questions": Argument(
        "", "table with columns file, question and answer", form="FILE", only=("folder",)
    ),
    "--texts": Argument(
        "", "lone texts, a table or one a line", form="PATTERN", only=("folder", "texts")
    ),
    "--validation": Argument(
        0.05, "share of the pairs, if not told", below_one(), form="SHARE", only=PICTURED
    ),
    "--test": Argument(
        0.05, "share of the pairs, if not told", below_one(), form="SHARE", only=PICTURED
    ),
    "--source": Argument("", "folder of the set", form="DIR", only=("emoji",)),
}  # fmt: skip


@command("data_pipelines.build", "make a data set of what you have, or of scenes", ARGUMENTS)
def main(options):
    """Build, unless the folder already holds what this command makes."""
    make(main, options, _fill)


def make(command, options, fill, apart=("--out",)):
    """What this command and that of clusters share: a folder, unless it already holds what the
    command makes.

    fill(draft, options, report) -> ({split: told}, facts, texts to learn words from, parameters).
    apart: arguments that make no other data set: it is the same, wherever it may lie.
    """
    out = located(options.out)
    given = {n: value for n, value in command.given(options).items() if n not in apart}
    options.command = command.typed(options, without=apart)
    if (out / INFO).exists():
        _check_same(out, options.command, given)
        print(f"{out} is there already")
        return
    if out.exists() and not (is_draft(out) or out.is_dir() and not any(out.iterdir())):
        raise UserError(f"{out} is not an empty folder; choose another --out.")
    if options.validation + options.test >= 1:
        raise UserError("--validation and --test take all pairs; leave some to train on.")
    if not is_address(out):
        check_writable(out, "--out")
    report, contents = Report(), made_of.read(given)
    about = dict(
        name=options.from_, licence=LICENCES.get(options.from_, THEIRS), made_by=options.command
    )
    about |= dict(made_of=contents)
    of = json.dumps([records.FORMAT, {n: each for n, each in contents.items() if n not in WORDS}])
    try:  # from the start: who comes second is told before the work
        with whole_folder(out, of=of) as draft:
            written, facts, texts, parameters = fill(draft, options, report)
            extra = {"report.json": json.dumps(report.summary(), indent=1).encode()}
            extra |= _vocabulary(options, written, texts)
            about |= dict(parameters=parameters)
            importing.clean(draft)
            info = records.finish(draft, written, facts, extra, **about)
    except OSError as error:
        raise UserError(
            f"--out cannot be written ({error}); make room and give the same command again, which "
            "goes on where it was, or choose another."
        ) from error
    _tell(out, options.from_, info, report)


def _fill(draft, options, report):
    """All shards, as `make` asks for them."""
    if source := SOURCES.get(options.from_.partition(":")[0]):
        found = importing.build(draft, source(options), options, report)
        return *found, {k: v for k, v in vars(options).items() if k != "out"}
    splits, parameters = _drawn(options)
    texts = {name: [] for name in TRAINED if name in splits}
    heard = {n: _heard(rows, texts[n]) if n in texts else rows for n, rows in splits.items()}
    written = records.write_splits(draft, heard, options.shard_size * 10**6)
    return *written, [text for found in texts.values() for text in found], parameters


def _drawn(options):
    if options.from_ == "scenes":
        made = options.preset, options.seed, options.pairs, options.questions_each
        return scenes.make(*made)
    return emoji.make(options)


def _heard(rows, texts):
    """The records, whose texts are kept as they pass."""
    for record in rows:
        texts += texts_of(record)
        yield record


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


def _tell(out, kind, info, report):
    """What is there, what was skipped, and what to do next."""
    splits = info["splits"]
    print(f"{out}: " + ", ".join(f"{name} {split['records']:,}" for name, split in splits.items()))
    for reason, found in report.summary().items():
        print(f"skipped {found['count']:,}: {reason} (first: {found['first'][0]})")
    for split, found in info.get("leaks", {}).items():
        print(f"{found['count']:,} pictures of {split} are trained on too (first: "
              f"{found['first'][0]}); --drop_duplicates leaves them to {split}")  # fmt: skip
    print(f"next: {_next(out, kind, splits)}")


def _next(out, kind, splits):
    """The command that trains a tokenizer on it."""
    if splits.keys() == {"texts"}:
        return f"python -m data_pipelines.merge OTHER {shlex.quote(str(out))} --out=DIR"
    config = TOKENIZERS.get(kind, TOKENIZER)
    words = [f"python -m itit_jax.main --config=configs/{config}.py --workdir=RUN"]
    words.append(f"--config.data.path={shlex.quote(str(out))}")
    if "pairs" not in splits:
        words.append("--config.data.rows.draw=0")
    if "test" not in splits:
        scored = next((name for name in ("validation", "pairs") if name in splits), "")
        words.append(f"--config.evaluate.splits={scored}{',' if scored else ''}")
    return " ".join(words)


def _vocabulary(options, splits, texts):
    """{name: bytes} of the vocabulary that lies beside the records; none of pictures alone."""
    if options.vocabulary:
        return open_words(options.vocabulary).files()
    if splits.keys() == {"images"}:
        return {}
    try:
        if options.vocabulary_size:
            return {FILE: train_pieces(texts, options.vocabulary_size)}
        return {FILE: train_enough_pieces(texts, 256 if options.from_ == "scenes" else 1000)}
    except UserError as error:
        raise Resumable(
            f"{str(error).rstrip('.')}, or a --vocabulary, and building goes on where it was."
        ) from error


if __name__ == "__main__":
    sys.exit(main())
