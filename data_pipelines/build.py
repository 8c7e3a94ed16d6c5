"""Makes a data set: record shards, a vocabulary and dataset.json.

python -m data_pipelines.build --from=scenes --preset=tiny --out=DIR
"""

import argparse
import pathlib
import sys

from data_pipelines.errors import UserError
from data_pipelines.records import INFO, read_info, write
from data_pipelines.texts import train_vocabulary


def main(arguments=None) -> int:
    """Returns the exit code: 0 done, 2 a fault that the user can mend."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parse(arguments)
    try:
        return run(options, " ".join(["python -m data_pipelines.build", *arguments]))
    except UserError as error:
        print(f"data_pipelines: {error}", file=sys.stderr)
        return 2


def parse(arguments):
    """Options of the command line."""
    parser = argparse.ArgumentParser(prog="data_pipelines.build", description=__doc__)
    parser.add_argument("--from", dest="source", required=True, choices=("scenes",))
    parser.add_argument("--out", required=True, help="folder to make")
    parser.add_argument("--preset", default="tiny", help="scenes: how difficult")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shards", type=int, default=2, help="files a split")
    parser.add_argument("--vocabulary_size", type=int, default=256)
    return parser.parse_args(arguments)


def run(options, command) -> int:
    """Build, unless the folder already holds what this command makes."""
    out = pathlib.Path(options.out)
    if (out / INFO).exists():
        before = read_info(out)["made_by"]
        if before == command:
            print(f"{out} is there already")
            return 0
        raise UserError(f"{out} was made by `{before}`; choose another --out or remove it.")
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out} is not empty; choose another --out.")
    from data_pipelines.scenes import build as scenes

    splits, parameters = scenes.make(options.preset, options.seed)
    splits = {name: list(records) for name, records in splits.items()}
    model = train_vocabulary(_texts(splits), options.vocabulary_size)
    about = dict(name="scenes", licence="CC0-1.0", made_by=command, parameters=parameters)
    info = write(out, splits, shards=options.shards, extra={"vocabulary.model": model}, **about)
    counts = ", ".join(f"{n} {s['records']:,}" for n, s in info["splits"].items())
    print(f"{out}: {counts}")
    return 0


def _texts(splits):
    for name in ("pairs", "texts"):
        for record in splits.get(name, ()):
            yield from record.texts


if __name__ == "__main__":
    sys.exit(main())
