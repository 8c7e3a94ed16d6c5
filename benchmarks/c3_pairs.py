"""Captioning from few pairs: C3 with a space of its own, the same decoder without texts, and ITIT.

python -m benchmarks.c3_pairs --work=runs/scenes --out=results/c3_pairs

Of each number of pairs every system sees those and no other: the space of C3 too, in which its
captioner then learns from 6,000 lone texts (C3), and from the pairs as well (fine-tuned). "Decoder
alone" is that captioner in that space, from the pairs only. One seed. Every step is a command that
you could type, and the same command goes on where it was stopped. Writes OUT.json, .md and .png.
"""

import pathlib
import sys

from benchmarks import scene_runs
from benchmarks.c3 import tower_of
from benchmarks.scene_runs import FEW, train
from benchmarks.study import Study, interval, shown, told, write
from configs.commands import Argument, command
from data_pipelines.files import whole

PAIRS = (25, 50, 100, 250, 500)
CAPTIONER = ("data.rows.images=0",)
PAIRS_ONLY = ("data.rows.images=0", "data.rows.texts=0", "train.steps=400")
CYCLES = ("full", "half")
SYSTEMS = {  # and the names of their runs
    "C3": "c3_{}",
    "C3, fine-tuned": "fine_{}",
    "decoder alone": "alone_{}",
    "ITIT, full cycles": "itit_full_{}_0",
    "ITIT, half cycles": "itit_half_{}_0",
}
SCORE = "i2t_scene_f1"
ARGUMENTS = {
    "--work": Argument(scene_runs.FOLDER, "folder of the runs", form="DIR"),
    "--out": Argument("results/c3_pairs", "OUT.json, OUT.md and OUT.png", form="PATH"),
}


@command("benchmarks.c3_pairs", "captioning by C3 and ITIT from 25 to 500 pairs", ARGUMENTS)
def main(options):
    """Runs what is not done yet, and tells what is known after each run."""
    work = pathlib.Path(options.work)
    study = Study(work, commands(work))
    return study.run(lambda: write(options.out, gather(study), page, plot))


def commands(work):
    """(name, what a user would type)."""
    yield from scene_runs.base(work)
    for pairs in PAIRS:
        yield from of_c3(work, pairs)
    for cycle in CYCLES:
        for pairs in PAIRS:
            yield scene_runs.itit(work, cycle, pairs)


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


def gather(study):
    """What is known so far: {system: {pairs: [F1, low, high]}}."""
    found = {}
    for system, name in SYSTEMS.items():
        runs = {pairs: name.format(pairs) for pairs in PAIRS}
        found[system] = {
            pairs: interval(study.scores(run)["test"], SCORE)
            for pairs, run in runs.items() if run in study.finished
        }  # fmt: skip
    return {
        "captioning": found,
        "intervals": scene_runs.INTERVALS,
        **study.made("benchmarks.c3_pairs"),
    }


def page(found):
    """The table in Markdown."""
    made = f"{told(found)} Brackets: {found['intervals']}."
    head = (f"| F1 | {' | '.join(f'{n} pairs' for n in PAIRS)} |", "|---" * (len(PAIRS) + 1) + "|")
    lines = ["# Captioning from few pairs", "", made, "", *head]
    for name, scores in found["captioning"].items():
        if scores:
            lines.append(f"| {name} | {' | '.join(shown(scores.get(n)) for n in PAIRS)} |")
    return "\n".join(lines)


def plot(path, found):
    """F1 against the number of pairs, a line for each system."""
    from matplotlib.figure import Figure  # the list of commands needs none

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, scores in found["captioning"].items():
        if scores:
            middle, low, high = zip(*scores.values())
            (line,) = axes.plot(list(scores), middle, marker="o", label=name)
            axes.fill_between(list(scores), low, high, alpha=0.15, color=line.get_color())
    axes.set(xscale="log", xlabel="pairs", ylabel="captioning F1", ylim=(0, 1))
    axes.set_xticks(PAIRS, [str(pairs) for pairs in PAIRS])
    axes.minorticks_off()
    axes.legend()
    with whole(path) as file:
        figure.savefig(file, format="png", dpi=100)


if __name__ == "__main__":
    sys.exit(main())
