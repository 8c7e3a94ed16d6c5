"""Captioning from few pairs: C3 with a space of its own, the same decoder without texts, and ITIT.

python -m benchmarks.c3_pairs --work=runs/c3_pairs --out=results/c3_pairs

Of each number of pairs every system sees those and no other: the space of C3 too, in which its
captioner then learns from 6,000 lone texts (C3), and from the pairs as well (fine-tuned). "Decoder
alone" is that captioner in that space, from the pairs only. One seed. Every step is a command that
you could type, and the same command goes on where it was stopped. Writes OUT.json, .md and .png.
"""

import sys

from benchmarks.c3 import train
from benchmarks.study import Study, interval, shown, told, write
from configs.commands import Argument, command
from data_pipelines.files import whole

PAIRS = (25, 50, 100, 250, 500)
CAPTIONER = ("data.rows.images=0", "train.steps=1200")
PAIRS_ONLY = ("data.rows.images=0", "data.rows.texts=0", "train.steps=400")
CYCLES = {"ITIT, full cycles": "full", "ITIT, half cycles": "half"}
SYSTEMS = {"C3": "c3", "C3, fine-tuned": "fine", "decoder alone": "alone"} | CYCLES
SCORE = "i2t_scene_f1"
ARGUMENTS = {
    "--work": Argument("runs/c3_pairs", "folder of the runs", form="DIR"),
    "--out": Argument("results/c3_pairs", "OUT.json, OUT.md and OUT.png", form="PATH"),
}


@command("benchmarks.c3_pairs", "captioning by C3 and ITIT from 25 to 500 pairs", ARGUMENTS)
def main(options):
    """Runs what is not done yet, and tells what is known after each run."""
    study = Study(options.work)

    def tell():
        found = gather(study)
        write(options.out, found, page)
        plot(f"{options.out}.png", found["captioning"])

    return study.run(commands(study.folder), tell)


def commands(work):
    """(name, what a user would type)."""
    build = ["python", "-m", "data_pipelines.build", "--from=scenes", "--preset=tiny"]
    yield "data", [*build, f"--out={work / 'data'}"]
    yield train(work, "tokenizer", "vq")
    for pairs in PAIRS:
        yield from of_c3(work, pairs)
    for cycle in CYCLES.values():
        for pairs in PAIRS:
            keys = (f"data.pairs={pairs}", f"tokenizer.workdir={work / 'tokenizer'}")
            yield train(work, f"{cycle}_{pairs}", "itit", f"cycle.mode={cycle}", *keys)


def of_c3(work, pairs):
    """The space, the captioner of texts, that one fine-tuned, and one of pairs alone."""
    few, rows = f"data.pairs={pairs}", min(pairs, 128)
    space = (few, f"tower.workdir={work / f'space_{pairs}'}")
    some = f"data.rows.caption={min(pairs, 16)}"
    yield train(work, f"space_{pairs}", "towers", few, f"data.rows.caption={rows}")
    yield train(work, f"c3_{pairs}", "c3", *space, *CAPTIONER)
    begun = (f"model.start_from={work / f'c3_{pairs}'}", "optimizer.learning_rate=3e-4")
    yield train(work, f"fine_{pairs}", "c3", *space, *PAIRS_ONLY, some, *begun)
    yield train(work, f"alone_{pairs}", "c3", *space, *PAIRS_ONLY, some)


def gather(study):
    """What is known so far: {system: {pairs: [F1, low, high]}}."""
    found = {}
    for told_as, name in SYSTEMS.items():
        done = [pairs for pairs in PAIRS if f"{name}_{pairs}" in study.finished]
        scores = {n: interval(study.scores(f"{name}_{n}")["test"], SCORE) for n in done}
        found[told_as] = scores
    return {
        "captioning": found,
        "intervals": "95 %, bootstrap over the 500 test scenes of one run",
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


def plot(path, captioning):
    """F1 against the number of pairs, a line for each system."""
    from matplotlib.figure import Figure  # the list of commands needs none

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, scores in captioning.items():
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
