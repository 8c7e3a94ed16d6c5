"""C3 and its kin on scenes, in two spaces: captions from texts alone, drawings from pictures alone.

python -m benchmarks.c3 --work=runs/c3 --out=results/c3

One data set of 20,000 pairs. The weak tower saw the first 500 of them, those that ITIT's demo has;
the strong one all. Captioners and drawers see lone texts and lone pictures. Every step is a command
that you could type, and the same command goes on where it was stopped. Writes OUT.json and OUT.md.
"""

import json
import pathlib
import shlex
import subprocess
import sys

from benchmarks.demo import ENVIRONMENT, Spent, commit, machine
from configs.commands import Argument, command
from data_pipelines.files import whole

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
    work = pathlib.Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    spent = Spent(work / "spent.json")
    for name, words in commands(work, options.set):
        if name in finished(work):
            continue
        print(f"\n$ {shlex.join(words)}", flush=True)
        with spent.on(name):
            code = subprocess.run([sys.executable, *words[1:]], env=ENVIRONMENT).returncode
        if code:
            print(f"stopped with exit code {code}; the same command goes on.", file=sys.stderr)
            return code
        with whole(work / "finished.json", "w") as file:
            json.dump([*finished(work), name], file)
        write(options, gather(work, spent))
    return 0


def finished(work):
    """Names of the commands that came to their end."""
    file = work / "finished.json"
    return json.loads(file.read_text()) if file.exists() else []


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


def gather(work, spent):
    """What is known so far."""
    last = lambda place: max(_scores(place).items(), key=lambda item: int(item[0]))[1]
    towers = {name: {key: last(work / name)["test"][key] for key in RECALL}
              for name in TOWERS if name in finished(work)}  # fmt: skip
    found = []
    for tower, method, seed in rows():
        place = workdir(work, tower, method, seed)
        if place.name in finished(work):
            scores = {label: _interval(last(place)["test"], key) for label, key in SCORES.items()}
            found.append({"tower": tower, "method": method, "seed": seed, **scores})
    return {
        "towers": towers,
        "rows": found,
        "intervals": "95 %, bootstrap over the 500 test scenes of one run",
        "core_minutes": round(spent.total("core") / 60, 1),
        "wall_minutes": round(spent.total("wall") / 60, 1),
        "device": machine(),
        "command": shlex.join(["python", "-m", "benchmarks.c3", *sys.argv[1:]]),
        "commit": commit(),
    }


def _scores(place):
    return json.loads((place / "eval.json").read_text())


def _interval(scores, key):
    """[score, low, high]; None of what was not measured."""
    return [scores[f"{key}{end}"] for end in ("", "_low", "_high")] if key in scores else None


def write(options, found):
    """OUT.json and OUT.md."""
    for end, text in ((".json", json.dumps(found, indent=1)), (".md", page(found))):
        with whole(f"{options.out}{end}", "w") as file:
            file.write(text + "\n")


def page(found):
    """The tables in Markdown."""
    lines = ["# C3 on scenes", "", f"`{found['command']}` at {found['commit']}: "
             f"{found['core_minutes']} core-minutes, {found['wall_minutes']} minutes by the clock, "
             f"{found['device']}. Brackets: {found['intervals']}.", ""]  # fmt: skip
    for tower, recalls in found["towers"].items():
        told = ", ".join(f"{name} {value:.3f}" for name, value in recalls.items())
        lines += [
            f"## The {tower} tower, of {TOWERS[tower]:,} pairs ({told})",
            "",
            "| method | seed | captioning F1 | drawing F1 | CIDEr |",
            "|---|---|---|---|---|",
        ]
        lines += [_line(row) for row in found["rows"] if row["tower"] == tower] + [""]
    return "\n".join(lines)


def _line(row):
    shown = lambda entry: "" if entry is None else "{:.2f} ({:.2f} to {:.2f})".format(*entry)
    scores = " | ".join(shown(row[label]) for label in SCORES)
    return f"| {row['method']} | {row['seed']} | {scores} |"


if __name__ == "__main__":
    sys.exit(main())
