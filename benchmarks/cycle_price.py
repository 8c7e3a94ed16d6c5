"""What cheaper cycles cost in scores: fewer rounds of drawing in training, and half cycles.

python -m benchmarks.cycle_price --work=runs/scenes --out=results/cycle_price

ITIT of 250 pairs, where cycles matter most (results/few_pairs.md). As many rounds as for users are
the paper's words; the preset takes fewer. Every step is a command that you could type, and the
same command goes on where it was stopped. Writes OUT.json and OUT.md.
"""

import pathlib
import statistics
import sys

from benchmarks import scene_runs
from benchmarks.scene_runs import SCORES
from benchmarks.study import Study, interval, over, shown, told
from configs.commands import Argument, command
from configs.keys import at_least

PAIRS, PRESET, USERS = 250, 3, 6  # rounds of drawing, in cycles and for users, of the preset tiny
ROWS = {  # name: (mode of the cycles, rounds)
    f"full cycles, {USERS} rounds as for users": ("full", USERS),
    f"full cycles, {PRESET} rounds (the preset)": ("full", PRESET),
    "full cycles, 1 round": ("full", 1),
    f"half cycles, {PRESET} rounds": ("half", PRESET),
    "no cycle": ("none", PRESET),
}
LABELS = ("captioning", "drawing")
ARGUMENTS = {
    "--work": Argument(scene_runs.FOLDER, "folder of the runs", form="DIR"),
    "--seeds": Argument(3, "runs of each row", at_least(1), form="N"),
    "--out": Argument("results/cycle_price", "OUT.json and OUT.md", form="PATH"),
}


@command("benchmarks.cycle_price", "scores of cheaper cycles", ARGUMENTS)
def main(options):
    """Runs what is not done yet, and writes the table after each run."""
    work = pathlib.Path(options.work)
    study = Study(work, commands(work, options.seeds))
    return study.tell(options.out, lambda: gather(study, options.seeds), page)


def commands(work, seeds=3):
    """(name, what a user would type): every row once before any is repeated."""
    yield from scene_runs.base(work)
    for seed in range(seeds):
        for cycle, rounds in ROWS.values():
            yield run_of(work, cycle, rounds, seed)


def run_of(work, cycle, rounds, seed):
    """(name, words); of the preset's rounds the run that other studies have too."""
    if rounds == PRESET:
        return scene_runs.itit(work, cycle, PAIRS, seed)
    name, key = f"itit_{cycle}{rounds}_{PAIRS}_{seed}", f"cycle.rounds={rounds}"
    return scene_runs.itit(work, cycle, PAIRS, seed, key, name=name)


def gather(study, seeds=3):
    """What is known so far: {row: {score: [[value, low, high] of each run], "core_minutes"}}."""
    rows = {}
    for name, (cycle, rounds) in ROWS.items():
        runs = [run_of(study.folder, cycle, rounds, seed)[0] for seed in range(seeds)]
        if done := [run for run in runs if run in study.finished]:
            test = [study.scores(run)["test"] for run in done]
            scores = {label: [interval(each, SCORES[label]) for each in test] for label in LABELS}
            spent = statistics.mean(study.spent(run)["core"] for run in done) / 60
            rows[name] = scores | {"core_minutes": round(spent, 1)}
    return {"rows": rows, "intervals": scene_runs.INTERVALS, **study.made("benchmarks.cycle_price")}


# ---- the page ----------------------------------------------------------------------------------


def page(found):
    """The tables in Markdown."""
    lines = [
        f"# What cheaper cycles cost in scores, from {PAIRS} pairs", "",
        f"{told(found)} Core-minutes are of a run with its evaluations.", "",
        "| | runs | captioning F1 | drawing F1 | core-minutes |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for name, row in found["rows"].items():
        scores = (shown(over(row[label])) for label in LABELS)
        cells = (name, len(row["captioning"]), *scores, row["core_minutes"])
        lines.append(f"| {' | '.join(map(str, cells))} |")
    every = f"Brackets: the lowest and the highest run. Every run, with {found['intervals']}:"
    lines += ["", every, "", "| | captioning F1 | drawing F1 |", "|---|---|---|"]
    for name, row in found["rows"].items():
        for both in zip(*(row[label] for label in LABELS)):
            lines.append(f"| {name} | {' | '.join(map(shown, both))} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
