"""ERNIE-ViLG on scenes: few pairs and many, in two stages and end to end, dense and sparse.

python -m benchmarks.ernie_vilg --work=runs/scenes --out=results/ernie_vilg

All rows but the first see 20,000 pairs. Every step is a command that you could type, and the same
command goes on where it was stopped. Writes OUT.json and OUT.md.
"""

import json
import pathlib
import statistics
import sys

from benchmarks import c3, scene_runs
from benchmarks.scene_runs import FEW, PAIRS
from benchmarks.study import Study, interval, number, shown, told
from configs.commands import Argument, command

DRAWINGS = 10
POINTS = 10  # of a curve of losses, each the mean of its part of the run
# Row: its own keys; the workdir is ernie_ROW.
ROWS = {
    "few": (),
    "all": (),
    "generator": ("model.reconstructor=generator",),
    "both": ("model.reconstructor=both",),
    "sparse": ("model.attention=sparse", "model.kernel=3"),
    "seed": ("seed=1",),
}
JUDGED = {"few": "weak", "all": "plain"}  # by a space of the same pairs
STAGES = {"all": "two stages", "generator": "Transformer end to end", "both": "both end to end"}
SCORES = {
    "captioning": "i2t_scene_f1", "drawing": "t2i_scene_f1", "best": "t2i_best_scene_f1",
    "gold": "tokenizer_scene_f1",
}  # fmt: skip
NUMBERS = {
    "draw_loss": "draw_loss", "caption_loss": "caption_loss", "fid": "t2i_fid",
    "gold_fid": "tokenizer_fid", "gold_error": "rebuilt_error",
}  # fmt: skip

ARGUMENTS = {
    "--work": Argument(scene_runs.FOLDER, "folder of the runs", form="DIR"),
    "--out": Argument("results/ernie_vilg", "OUT.json and OUT.md", form="PATH"),
}


@command("benchmarks.ernie_vilg", "ERNIE-ViLG on scenes", ARGUMENTS)
def main(options):
    """Runs what is not done yet, and writes the tables after each run."""
    work = pathlib.Path(options.work)
    study = Study(work, commands(work))
    return study.tell(options.out, lambda: gather(study), page)


def commands(work):
    """(name, what a user would type)."""
    yield from scene_runs.base(work)
    for name in ROWS:
        yield from run_of(work, name)
    sparse = ["python", "-m", "benchmarks.sparse", f"--out={work / 'sparse.json'}"]
    yield "time_and_memory", sparse


def run_of(work, name):
    """(name, words) of a row, behind those of its judge."""
    keys = ROWS[name]
    if name in JUDGED:
        yield c3.tower_of(work, JUDGED[name])
        judge = f"evaluate.judge={work / JUDGED[name]}"
        keys = (*keys, f"evaluate.best_of={DRAWINGS}", judge)
    yield scene_runs.ernie(work, f"ernie_{name}", FEW if name == "few" else PAIRS, *keys)


def gather(study):
    """What is known so far."""
    measured = study.folder / "sparse.json"
    return {
        "rows": {name: row(study, f"ernie_{name}")
                 for name in ROWS if f"ernie_{name}" in study.finished},
        "time_and_memory": json.loads(measured.read_text()) if measured.exists() else None,
        "intervals": scene_runs.INTERVALS,
        **study.made("benchmarks.ernie_vilg"),
    }  # fmt: skip


def row(study, name):
    """Scores of one run on test and its curve of losses."""
    scores = study.scores(name)["test"]
    intervals = {label: interval(scores, key) for label, key in SCORES.items()}
    numbers = {label: scores.get(key) for label, key in NUMBERS.items()}
    return intervals | numbers | {"curve": curve(study.folder / name / "metrics.jsonl")}


def curve(file):
    """[[last step, mean of draw and caption together]] of POINTS parts of a run."""
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    if not lines:
        return []
    last, parts = lines[-1]["step"], {}
    for line in lines:
        part = -(-line["step"] * POINTS // last)
        parts.setdefault(part, []).append(line["draw"] + line["caption"])
    return [[part * last // POINTS, round(statistics.mean(losses), 4)]
            for part, losses in sorted(parts.items())]  # fmt: skip


# ---- the page ----------------------------------------------------------------------------------


def page(found):
    """The tables in Markdown."""
    rows = found["rows"]
    head = ["# ERNIE-ViLG on scenes", "", f"{told(found)} Brackets: {found['intervals']}.", ""]
    sections = (_pairs(rows), _stages(rows), _sparse(rows), _cost(found["time_and_memory"]))
    return "\n".join([*head, *(line for section in sections for line in (*section, ""))]).rstrip()


def _pairs(rows):
    counts = {"few": FEW, "all": PAIRS}
    return [
        f"## Both directions, and the best of {DRAWINGS} drawings by towers of the same pairs",
        "",
        f"| pairs | captioning F1 | drawing F1 | best of {DRAWINGS} |",
        "|---|---|---|---|",
        *(
            f"| {counts[name]:,} | "
            + " | ".join(shown(rows[name][key]) for key in ("captioning", "drawing", "best"))
            + " |"
            for name in counts
            if name in rows
        ),
    ]


def _stages(rows):
    lines = [
        "## In two stages and end to end",
        "",
        "FID by the features of the scenes classifier. Gold: pictures made of the true tokens, by "
        "the tokenizer's decoder or, where that is trained, by the reconstructor.",
        "",
        "| pixels teach | loss of a token | drawing F1 | FID | gold F1 | gold FID | gold error |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, words in STAGES.items():
        if name in rows:
            r = rows[name]
            numbers = (number(r["fid"]), shown(r["gold"]), number(r["gold_fid"]),
                       number(r["gold_error"]))  # fmt: skip
            cells = (number(r["draw_loss"]), shown(r["drawing"]), *numbers)
            lines.append(f"| {words} | {' | '.join(cells)} |")
    return lines


def _sparse(rows):
    names = {"all": "dense", "seed": "dense, another seed", "sparse": "sparse, 3x3 in the last"}
    there = [name for name in names if name in rows]
    if not there:
        return []
    steps = [str(step) for step, _ in rows[there[0]]["curve"]]
    lines = [
        "## Sparse attention: the loss of training up to each step",
        "",
        f"| attention | {' | '.join(steps)} |",
        f"|---|{'---|' * len(steps)}",
    ]
    for name in there:
        values = " | ".join(f"{loss:.2f}" for _, loss in rows[name]["curve"])
        lines.append(f"| {names[name]} | {values} |")
    return lines


def _cost(found):
    if found is None:
        return []
    sizes = ", ".join(f"{name} {value}" for name, value in found["sizes"].items())
    lines = [
        f"## Sparse over dense: forward and backward of the layers ({sizes})",
        "",
        "| direction | time by the clock | of the cores | temporary memory |",
        "|---|---|---|---|",
    ]
    for what, ratio in found["sparse_over_dense"].items():
        cells = (f"{ratio[key]:.2f}" for key in ("seconds", "core_seconds", "temporary_bytes"))
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
