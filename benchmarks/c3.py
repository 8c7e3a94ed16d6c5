"""C3 and its kin on scenes, in two spaces: captions from texts alone, drawings from pictures alone.

python -m benchmarks.c3 --work=runs/c3 --out=results/c3

One data set of 20,000 pairs. The weak tower saw the first 500 of them, those that ITIT's demo has;
the strong one all. Captioners and drawers see lone texts and lone pictures. Every step is a command
that you could type, and the same command goes on where it was stopped. Writes OUT.json and OUT.md.
"""

import sys

from benchmarks.study import Study, interval, shown, told, write
from configs.commands import Argument, command

PAIRS = 20_000
FEW = 500  # that ITIT's demo learns from
TOWERS = {"weak": FEW, "strong": PAIRS}  # pairs that each saw
METHODS = {  # condition.collapse, condition.corrupt
    "C1": ("false", "none"),
    "C2_1": ("true", "none"),
    "C2_2": ("false", "gaussian"),
    "C3": ("true", "gaussian"),
    "LAFITE": ("true", "lafite"),  # its own noise
}
SEEDS = {"C1": 3, "C3": 3}  # the others one
SCORES = {
    "captioning": "i2t_scene_f1",
    "drawing": "t2i_scene_f1",
    "CIDEr": "i2t_cider",
}
RECALL = ("i2t_recall_1", "t2i_recall_1")

ARGUMENTS = {
    "--work": Argument("runs/c3", "folder of the runs", form="DIR"),
    "--out": Argument("results/c3", "OUT.json and OUT.md", form="PATH"),
    "--set": Argument((), "a key of every c3 run, often", form="KEY=VALUE", many=True),
}


@command("benchmarks.c3", "C1, C2, C3 on scenes, in a weak and a strong space", ARGUMENTS)
def main(options):
    """Runs what is not done yet, and writes the tables after each run."""
    study = Study(options.work)
    tell = lambda: write(options.out, gather(study), page)
    return study.run(commands(study.folder, options.set), tell)


def rows():
    """(tower, method, seed) of every row."""
    for tower in TOWERS:
        for method in METHODS:
            for seed in range(SEEDS.get(method, 1)):
                yield tower, method, seed


def commands(work, own):
    """(name, what a user would type)."""
    data = work / "data"
    build = ["python", "-m", "data_pipelines.build", "--from=scenes", "--preset=tiny"]
    yield "data", [*build, f"--pairs={PAIRS}", f"--out={data}"]
    train = ["python", "-m", "itit_jax.main", f"--config.data.path={data}"]
    yield "tokenizer", [*train, "--config=configs/vq_tiny.py", f"--workdir={work / 'tokenizer'}"]
    for tower, pairs in TOWERS.items():
        few = f"--config.data.pairs={pairs}"
        yield tower, [*train, "--config=configs/towers_tiny.py", f"--workdir={work / tower}", few]
    for tower, method, seed in rows():
        collapse, corrupt = METHODS[method]
        keys = (
            f"tower.workdir={work / tower}", f"tokenizer.workdir={work / 'tokenizer'}",
            f"condition.collapse={collapse}", f"condition.corrupt={corrupt}", f"seed={seed}",
            f"data.pairs={FEW}", "evaluate.captions=true", *own,
        )  # fmt: skip
        place = workdir(work, tower, method, seed)
        words = [*train, "--config=configs/c3_tiny.py", f"--workdir={place}"]
        yield place.name, [*words, *(f"--config.{key}" for key in keys)]


def workdir(work, tower, method, seed):
    """Of one row."""
    return work / f"{tower}_{method.lower()}_{seed}"


def gather(study):
    """What is known so far."""
    towers = {name: {key: study.scores(name)["test"][key] for key in RECALL}
              for name in TOWERS if name in study.finished}  # fmt: skip
    found = []
    for tower, method, seed in rows():
        name = workdir(study.folder, tower, method, seed).name
        if name in study.finished:
            scores = study.scores(name)["test"]
            told = {label: interval(scores, key) for label, key in SCORES.items()}
            found.append({"tower": tower, "method": method, "seed": seed, **told})
    return {
        "towers": towers,
        "rows": found,
        "intervals": "95 %, bootstrap over the 500 test scenes of one run",
        **study.made("benchmarks.c3"),
    }


def page(found):
    """The tables in Markdown."""
    lines = ["# C3 on scenes", "", f"{told(found)} Brackets: {found['intervals']}.", ""]
    for tower, recalls in found["towers"].items():
        named = ", ".join(f"{name} {value:.3f}" for name, value in recalls.items())
        lines += [
            f"## The {tower} tower, of {TOWERS[tower]:,} pairs ({named})",
            "",
            "| method | seed | captioning F1 | drawing F1 | CIDEr |",
            "|---|---|---|---|---|",
        ]
        lines += [_line(row) for row in found["rows"] if row["tower"] == tower] + [""]
    return "\n".join(lines)


def _line(row):
    scores = " | ".join(shown(row[label]) for label in SCORES)
    return f"| {row['method']} | {row['seed']} | {scores} |"


if __name__ == "__main__":
    sys.exit(main())
