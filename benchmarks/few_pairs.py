"""Few pairs: C3 with a space of its own, the same decoder without texts, and ITIT by its cycles.

python -m benchmarks.few_pairs --work=runs/scenes --out=results/few_pairs

Of each number of pairs every system sees those and no other: the space of C3 too, in which its
captioner then learns from 6,000 lone texts (C3), and from the pairs as well (fine-tuned). "Decoder
alone" is that captioner in that space, from the pairs only; none of the three draws. Every step is
a command that you could type, and the same command goes on where it was stopped. Writes OUT.json,
OUT.md and OUT.png.
"""

import itertools
import pathlib
import sys

from benchmarks import scene_runs
from benchmarks.c3 import tower_of
from benchmarks.scene_runs import FEW, SCORES, train
from benchmarks.study import Study, interval, over, shown, told
from configs.commands import Argument, command
from configs.keys import at_least
from data_pipelines.files import whole

PAIRS = (25, 50, 100, 250, 500)
CAPTIONER = ("data.rows.images=0",)
PAIRS_ONLY = ("data.rows.images=0", "data.rows.texts=0", "train.steps=400")
CYCLES = ("full", "none", "half")
SYSTEMS = {  # and the names of their runs
    "C3": "c3_{}",
    "C3, fine-tuned": "fine_{}",
    "decoder alone": "alone_{}",
    "ITIT, full cycles": "itit_full_{}_{}",
    "ITIT, half cycles": "itit_half_{}_{}",
    "ITIT, no cycle": "itit_none_{}_{}",
}
TASKS = ("captioning", "drawing")
INTERVALS = f"{scene_runs.INTERVALS}; of several seeds the lowest and the highest"
ARGUMENTS = {
    "--work": Argument(scene_runs.FOLDER, "folder of the runs", form="DIR"),
    "--seeds": Argument(1, "of ITIT; C3 has one", at_least(1), form="N"),
    "--out": Argument("results/few_pairs", "OUT.json, OUT.md and OUT.png", form="PATH"),
}


@command("benchmarks.few_pairs", "C3 and ITIT from 25 to 500 pairs", ARGUMENTS)
def main(options):
    """Runs what is not done yet, and tells what is known after each run."""
    work = pathlib.Path(options.work)
    study = Study(work, commands(work, options.seeds))
    return study.tell(options.out, lambda: gather(study, options.seeds), page, plot)


def commands(work, seeds=1):
    """(name, what a user would type)."""
    yield from scene_runs.base(work)
    for pairs in PAIRS:
        yield from of_c3(work, pairs)
    for seed, cycle, pairs in itertools.product(range(seeds), CYCLES, PAIRS):
        yield scene_runs.itit(work, cycle, pairs, seed)


def of_c3(work, pairs):
    """The space, the captioner of texts, that one fine-tuned, and one of pairs alone."""
    rows = f"data.rows.caption={min(pairs, 128)}"
    few = scene_runs.space(work, f"space_{pairs}", pairs, rows)
    tower, words = tower_of(work, "weak") if pairs == FEW else few
    yield tower, words
    some = f"data.rows.caption={min(pairs, 16)}"
    place = (f"tower.workdir={work / tower}", f"data.pairs={pairs}")
    yield train(work, f"c3_{pairs}", "c3", *place, *CAPTIONER)
    begun = (f"model.start_from={work / f'c3_{pairs}'}", "optimizer.learning_rate=3e-4")
    yield train(work, f"fine_{pairs}", "c3", *place, *PAIRS_ONLY, some, *begun)
    yield train(work, f"alone_{pairs}", "c3", *place, *PAIRS_ONLY, some)


def gather(study, seeds=1):
    """What is known so far: {task: {system: {pairs: [[F1, low, high] of each run]}}}."""
    found = {task: {} for task in TASKS}
    for (system, name), pairs in itertools.product(SYSTEMS.items(), PAIRS):
        runs = dict.fromkeys(name.format(pairs, seed) for seed in range(seeds))
        scores = [study.scores(run)["test"] for run in runs if run in study.finished]
        for task in TASKS:
            known = found[task].setdefault(system, {})
            if told := [interval(each, SCORES[task]) for each in scores if SCORES[task] in each]:
                known[pairs] = told
    return found | {"intervals": INTERVALS, **study.made("benchmarks.few_pairs")}


def page(found):
    """The tables in Markdown."""
    made = f"{told(found)} Brackets: {found['intervals']}."
    lines = ["# From 25 to 500 pairs", "", made]
    for task in TASKS:
        rows = {name: scores for name, scores in found[task].items() if scores}
        if rows:
            lines += ["", f"## {task.capitalize()} F1", "", f"| pairs | {join(PAIRS)} |"]
            lines += ["|---" * (len(PAIRS) + 1) + "|"]
            for name, scores in rows.items():
                cells = (cell(scores.get(n, ())) for n in PAIRS)
                lines.append(f"| {name} | {join(cells)} |")
    return "\n".join(lines)


def cell(runs):
    """What a table says of the runs of one place."""
    seeds = f", {len(runs)} seeds" if len(runs) > 1 else ""
    return f"{shown(over(runs))}{seeds}" if runs else ""


def join(cells):
    """Cells of a row of a table."""
    return " | ".join(map(str, cells))


def plot(path, found):
    """F1 against the number of pairs, a panel for each task and a line for each system."""
    from matplotlib.figure import Figure  # the list of commands needs none

    figure = Figure(figsize=(9, 4), layout="constrained")
    for axes, task in zip(figure.subplots(1, len(TASKS), sharey=True), TASKS):
        for color, (name, scores) in enumerate(found[task].items()):
            if scores:
                middle, low, high = zip(*map(over, scores.values()))
                axes.plot(list(scores), middle, f"C{color}", marker="o", label=name)
                axes.fill_between(list(scores), low, high, alpha=0.15, color=f"C{color}")
        axes.set(xscale="log", xlabel="pairs", title=task, ylabel="F1", ylim=(0, 1))
        axes.set_xticks(PAIRS, [str(pairs) for pairs in PAIRS])
        axes.minorticks_off()
        if any(found[task].values()):
            axes.legend(fontsize="small")
    with whole(path) as file:
        figure.savefig(file, format="png", dpi=100)


if __name__ == "__main__":
    sys.exit(main())
