"""How long finished runs take to draw a text and to caption a picture.

python -m benchmarks.latency runs/scenes/itit_full_500_0 runs/scenes/ernie_few \
    --pictures=runs/scenes/data:test --out=latency.json

Eight rows a call, as `serve` makes them, compiled before; the runs take turns, so that other work
on the machine meets all alike, and caption the same pictures. Milliseconds of one row, the median
of all turns; captioning takes as long as the longest of its texts.
"""

import itertools
import json
import shlex
import statistics
import sys
import time

from PIL import Image

from benchmarks.study import commit, machine
from configs.commands import Argument, command
from configs.keys import at_least
from data_pipelines.errors import UserError
from data_pipelines.files import whole
from data_pipelines.streams import images
from itit_jax.serve.session import BATCH, Session

TEXT = "a small red circle in the top left"

ARGUMENTS = {
    "runs": Argument((), "workdirs or exports", form="RUN", many=True),
    "--pictures": Argument("data/tiny:test", "what they caption, its first", form="DIR:SPLIT"),
    "--times": Argument(20, "turns", at_least(1), form="N"),
    "--out": Argument("", "JSON file of it", form="FILE"),
}


@command("benchmarks.latency", "milliseconds to draw and to caption, of several runs", ARGUMENTS)
def main(options):
    """Prints both for each run."""
    folder, _, split = options.pictures.rpartition(":")
    pictures = list(map(Image.fromarray, itertools.islice(images(folder, split, 0), BATCH)))
    asks = {run: of_run(Session(run), pictures) for run in options.runs}
    spent = {run: {what: [] for what in ask} for run, ask in asks.items()}
    for turn in range(1 + options.times):  # the first one compiles
        for run, ask in asks.items():
            for what, call in ask.items():
                began = time.perf_counter()
                call()
                if turn:
                    spent[run][what].append(time.perf_counter() - began)
    milliseconds = {
        run: {what: round(1e3 * statistics.median(seconds) / BATCH, 2)
              for what, seconds in of.items()}
        for run, of in spent.items()
    }  # fmt: skip
    found = {
        "milliseconds": milliseconds,
        "words_a_caption": {run: round(words(ask["caption"]()), 1) for run, ask in asks.items()},
        "rows_a_call": BATCH,
        "device": machine(),
        "command": shlex.join(["python", "-m", "benchmarks.latency", *sys.argv[1:]]),
        "commit": commit(),
    }
    print(text := json.dumps(found, indent=1))
    if options.out:
        with whole(options.out, "w") as file:
            file.write(text + "\n")
    return 0


def of_run(session, pictures):
    """{"draw", "caption"}: calls of what the run can do."""
    texts = [TEXT] * BATCH
    asks = {"draw": lambda: session.draw(texts), "caption": lambda: session.caption(pictures)}
    try:
        session.draw(texts)
    except UserError:  # a captioner
        del asks["draw"]
    return asks


def words(texts):
    """How many a text has."""
    return statistics.mean(len(text.split()) for text in texts)


if __name__ == "__main__":
    sys.exit(main())
