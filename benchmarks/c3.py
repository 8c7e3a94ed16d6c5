"""C3 and its kin on scenes: captions from texts alone, drawings from pictures alone.

python -m benchmarks.c3 --work=runs/c3 --out=results/c3

One data set with 20,000 pairs. The weak tower saw the first 500 of them, as ITIT does here, the
plain one all, and the strong one was made to tell each text from itself with two words exchanged,
without which a space of scenes does not know what is where. Captioners and drawers see lone texts
and lone pictures. Every step is a command that you could type, and the same command goes on where
it was stopped. Writes OUT.json and OUT.md.
"""

import json
import sys

from benchmarks.study import Study, interval, shown, told, write
from configs.commands import Argument, command

PAIRS = 20_000
FEW = 500
LONG = ("data.rows.caption=256", "train.steps=8000", "loss.exchanged=1.0")
TOWERS = {  # keys of each
    "weak": (f"data.pairs={FEW}",),
    "plain": (f"data.pairs={PAIRS}",),
    "strong": (f"data.pairs={PAIRS}", *LONG),
}
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
SCORES = {
    "captioning": "i2t_scene_f1",
    "drawing": "t2i_scene_f1",
    "CIDEr": "i2t_cider",
}
RECALL = ("i2t_recall_1", "t2i_recall_1")
HEAD = ("| | seed | captioning F1 | drawing F1 | CIDEr |", "|---|---|---|---|---|")

ARGUMENTS = {
    "--work": Argument("runs/c3", "folder of the runs", form="DIR"),
    "--out": Argument("results/c3", "OUT.json and OUT.md", form="PATH"),
    "--set": Argument((), "a key of every c3 run, often", form="KEY=VALUE", many=True),
}


@command("benchmarks.c3", "C1, C2, C3 on scenes, in weak and strong spaces", ARGUMENTS)
def main(options):
    """Runs what is not done yet, and writes the tables after each run."""
    study = Study(options.work)
    tell = lambda: write(options.out, gather(study), page)
    return study.run(commands(study.folder, options.set), tell)


def rows():
    """(tower, method, seed) of every row, the first seeds first."""
    for seed in range(SEEDS):
        for tower in TOWERS:
            for method in METHODS:
                if method in HEADS or (tower != "plain" and seed == 0):
                    yield tower, method, seed


def commands(work, own):
    """(name, what a user would type)."""
    data, tokenizer = work / "data", f"tokenizer.workdir={work / 'tokenizer'}"
    build = ["python", "-m", "data_pipelines.build", "--from=scenes", "--preset=tiny"]
    yield "data", [*build, f"--pairs={PAIRS}", f"--out={data}"]
    yield train(work, "tokenizer", "vq")
    for tower, keys in TOWERS.items():
        yield train(work, tower, "towers", *keys)
        bound = ["python", "-m", "itit_jax.evaluation.binding", f"{data}:test"]
        out = work / f"{tower}_binding.json"
        yield out.stem, [*bound, f"--tower={work / tower}", f"--out={out}"]
    few = (tokenizer, f"data.pairs={FEW}", "evaluate.captions=true")
    itit = [train(work, f"itit_{cycle}", "itit", f"cycle.mode={cycle}", *few)
            for cycle in CYCLES.values()]  # fmt: skip
    for tower, method, seed in rows():
        keys = (f"condition.{key}" for key in METHODS[method])
        place = (f"tower.workdir={work / tower}", f"seed={seed}")
        if seed:  # the tables are whole before any row is repeated
            yield from itit
            itit = []
        yield train(work, name_of(tower, method, seed), "c3", *place, *keys, *few, *own)


def train(work, name, recipe, *keys):
    """(name, the training of a tiny config of a recipe in a workdir of that name)."""
    words = ["python", "-m", "itit_jax.main", f"--config=configs/{recipe}_tiny.py"]
    places = [f"--workdir={work / name}", f"--config.data.path={work / 'data'}"]
    return name, [*words, *places, *(f"--config.{key}" for key in keys)]


def name_of(tower, method, seed):
    """Of one row, and of its workdir."""
    return f"{tower}_{method.lower().replace(' ', '_')}_{seed}"


def gather(study):
    """What is known so far."""
    done = study.finished
    scored = lambda name: {k: interval(study.scores(name)["test"], v) for k, v in SCORES.items()}
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
    itit = {told: scored(f"itit_{cycle}")
            for told, cycle in CYCLES.items() if f"itit_{cycle}" in done}  # fmt: skip
    return {
        "towers": towers,
        "rows": found,
        "itit": itit,
        "intervals": "95 %, bootstrap over the 500 test scenes of one run",
        **study.made("benchmarks.c3"),
    }


def page(found):
    """The tables in Markdown."""
    lines = ["# C3 on scenes", "", f"{told(found)} Brackets: {found['intervals']}.", ""]
    for tower, measured in found["towers"].items():
        named = ", ".join(f"{name} {value:.3f}" for name, value in measured.items())
        lines += [f"## The {tower} space: {', '.join(TOWERS[tower])} ({named})", "", *HEAD]
        mine = [row for row in found["rows"] if row["tower"] == tower]
        lines += [*(_line(row["method"], row) for row in mine), ""]
    if found["itit"]:
        lines += [f"## ITIT, of {FEW} pairs", "", *HEAD]
        lines += [_line(name, row | {"seed": 0}) for name, row in found["itit"].items()] + [""]
    return "\n".join(lines)


def _line(name, row):
    scores = " | ".join(shown(row[label]) for label in SCORES)
    return f"| {name} | {row['seed']} | {scores} |"


if __name__ == "__main__":
    sys.exit(main())
