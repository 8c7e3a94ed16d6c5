"""C3 and its kin on scenes: captions from texts alone, drawings from pictures alone.

python -m benchmarks.c3 --work=runs/scenes --out=results/c3

The weak tower saw the first 500 pairs, as ITIT does here, the plain one all 20,000, and the strong
one was made to tell each text from itself with two words exchanged, without which a space of scenes
does not know what is where. Captioners and drawers see lone texts and lone pictures. Every step is
a command that you could type, and the same command goes on where it was stopped. Writes OUT.json
and OUT.md.
"""

import json
import pathlib
import sys

from benchmarks import scene_runs
from benchmarks.scene_runs import FEW, NUMBERS, PAIRS, SCORES
from benchmarks.study import Study, number, shown, told
from configs.commands import Argument, command

LONG = ("data.rows.caption=256", "train.steps=8000", "loss.exchanged=1.0")
TOWERS = {"weak": (FEW, ()), "plain": (PAIRS, ()), "strong": (PAIRS, LONG)}  # pairs, keys
METHODS = {
    "C1": ("collapse=false", "corrupt=none"),
    "C2_1": ("collapse=true", "corrupt=none"),
    "C2_2": ("collapse=false", "corrupt=gaussian"),
    "C3": ("collapse=true", "corrupt=gaussian"),
    "LAFITE": ("collapse=true", "corrupt=lafite"),  # its own noise
    "noise of the paper": ("collapse=true", "corrupt=gaussian", "energy=8.192"),
}
HEADS = ("C1", "C3")  # of all seeds, and in the plain space too
SEEDS = 3
CYCLES = {"pairs alone": "none", "full cycles": "full", "half cycles": "half"}  # of ITIT
RECALL = ("i2t_recall_1", "t2i_recall_1")
HEAD = ("| | seed | captioning F1 | drawing F1 | CIDEr | FID |", "|---|---|---|---|---|---|")

ARGUMENTS = {
    "--work": Argument(scene_runs.FOLDER, "folder of the runs", form="DIR"),
    "--out": Argument("results/c3", "OUT.json and OUT.md", form="PATH"),
}


@command("benchmarks.c3", "C1, C2, C3 on scenes, in weak and strong spaces", ARGUMENTS)
def main(options):
    """Runs what is not done yet, and writes the tables after each run."""
    study = study_in(options.work)
    return study.tell(options.out, lambda: gather(study), page)


def rows():
    """(tower, method, seed) of every row, the first seeds first."""
    for seed in range(SEEDS):
        for tower in TOWERS:
            for method in METHODS:
                if method in HEADS or (tower != "plain" and seed == 0):
                    yield tower, method, seed


def study_in(folder):
    """The study with its runs there."""
    work = pathlib.Path(folder)
    return Study(work, commands(work))


def commands(work):
    """(name, what a user would type)."""
    yield from scene_runs.base(work)
    for tower in TOWERS:
        yield tower_of(work, tower)
        bound = ["python", "-m", "itit_jax.evaluation.binding", f"{work / 'data'}:test"]
        out = work / f"{tower}_binding.json"
        yield out.stem, [*bound, f"--tower={work / tower}", f"--out={out}"]
    itit = [scene_runs.itit(work, cycle) for cycle in CYCLES.values()]
    for row in rows():
        if row[-1]:  # the tables are whole before any row is repeated
            yield from itit
            itit = []
        yield run_of(work, *row)


def tower_of(work, tower):
    """(name, words) of a space."""
    pairs, keys = TOWERS[tower]
    return scene_runs.space(work, tower, pairs, *keys)


def run_of(work, tower, method, seed):
    """(name, words) of one row."""
    keys = [f"condition.{key}" for key in METHODS[method]]
    return scene_runs.c3(work, name_of(tower, method, seed), tower, f"seed={seed}", *keys)


def name_of(tower, method, seed):
    """Of one row, and of its workdir."""
    return f"{tower}_{method.lower().replace(' ', '_')}_{seed}"


def gather(study):
    """What is known so far."""
    done = study.finished
    scored = lambda name: scene_runs.scored(study.scores(name)["test"])
    towers = {name: {key: study.scores(name)["test"][key] for key in RECALL}
              for name in TOWERS if name in done}  # fmt: skip
    for name in towers:
        if f"{name}_binding" in done:
            table = json.loads((study.folder / f"{name}_binding.json").read_text())
            towers[name]["binding"] = table["all"][0]
    found = [
        {"tower": tower, "method": method, "seed": seed, **scored(name)}
        for tower, method, seed in rows()
        if (name := name_of(tower, method, seed)) in done
    ]
    cycles = {told: f"itit_{cycle}_{FEW}_0" for told, cycle in CYCLES.items()}
    itit = {told: scored(name) for told, name in cycles.items() if name in done}
    return {
        "towers": towers,
        "rows": found,
        "itit": itit,
        "intervals": scene_runs.INTERVALS,
        **study.made("benchmarks.c3"),
    }


def page(found):
    """The tables in Markdown."""
    lines = ["# C3 on scenes", "", f"{told(found)} Brackets: {found['intervals']}.", ""]
    for tower, measured in found["towers"].items():
        named = ", ".join(f"{name} {value:.3f}" for name, value in measured.items())
        pairs, keys = TOWERS[tower]
        title = ", ".join((f"## The {tower} space: {pairs:,} pairs", *keys))
        lines += [f"{title} ({named})", "", *HEAD]
        mine = [row for row in found["rows"] if row["tower"] == tower]
        lines += [*(_line(row["method"], row) for row in mine), ""]
    if found["itit"]:
        lines += [f"## ITIT, of {FEW} pairs", "", *HEAD]
        lines += [_line(name, row | {"seed": 0}) for name, row in found["itit"].items()] + [""]
    return "\n".join(lines)


def _line(name, row):
    scores = [*(shown(row[label]) for label in SCORES), *(number(row[label]) for label in NUMBERS)]
    return f"| {name} | {row['seed']} | {' | '.join(scores)} |"


if __name__ == "__main__":
    sys.exit(main())
