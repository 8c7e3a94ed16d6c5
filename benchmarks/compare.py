"""ITIT, C3 and ERNIE-ViLG on the same data, in one table.

python -m benchmarks.compare --work=runs/scenes --out=results/compare

Once of 500 pairs, beside 6,000 lone pictures and 6,000 lone texts for those who can use them, and
once of 20,000. All draw with the same tokenizer and take the steps of their tiny presets, whose
cost stands beside. Every step is a command that you could type, and the same command goes on where
it was stopped. Writes OUT.json and OUT.md.
"""

import json
import pathlib
import statistics
import sys
from typing import NamedTuple

import jax

from benchmarks import c3, ernie_vilg, scene_runs
from benchmarks.scene_runs import FEW, PAIRS, SCORES
from benchmarks.study import Study, number, shown, told, write
from configs.commands import Argument, command
from itit_jax.program import describe
from itit_jax.workdir import Workdir

SEEDS = 3  # of the systems of few pairs
ALONE = {  # two models, each of one direction: ITIT's networks with a single objective
    "captioner": ("data.rows.draw=0", "loss.draw=0"),
    "drawer": ("data.rows.caption=0", "loss.caption=0"),
}

ARGUMENTS = {
    "--work": Argument(scene_runs.FOLDER, "folder of the runs", form="DIR"),
    "--out": Argument("results/compare", "OUT.json and OUT.md", form="PATH"),
}


class Row(NamedTuple):
    """A system in the table; of each seed the commands that make it, its runs the last of them."""

    name: str
    pairs: int
    seeds: list  # of [(name, words)]
    captions: int = -1  # which of the commands makes the run that captions
    draws: int = -1  # and the one that draws


@command("benchmarks.compare", "ITIT, C3 and ERNIE-ViLG on the same scenes", ARGUMENTS)
def main(options):
    """Runs what is not done yet, and writes the table after each run."""
    work = pathlib.Path(options.work)
    study = Study(work, commands(work))
    return study.run(lambda: write(options.out, gather(study), page))


def rows(work):
    """The systems, those of few pairs first."""
    for pairs, seeds in ((FEW, SEEDS), (PAIRS, 1)):
        few = pairs == FEW
        apart = [scene_runs.itit(work, "none", pairs, 0, *keys, name=f"{name}_{pairs}")
                 for name, keys in ALONE.items()]  # fmt: skip
        yield Row("captioner and drawer apart", pairs, [apart], captions=0, draws=1)
        for name, cycle in (("without cycles", "none"), ("half cycles", "half"), ("", "full")):
            if few or cycle != "half":
                runs = [[scene_runs.itit(work, cycle, pairs, seed)] for seed in range(seeds)]
                yield Row(f"ITIT {name}".strip(), pairs, runs)
        for space in ("weak",) if few else ("plain", "strong"):
            taught = ", a space taught word by word" if space == "strong" else ""
            tower = c3.tower_of(work, space)
            runs = [[tower, c3.run_of(work, space, "C3", seed)] for seed in range(seeds)]
            yield Row(f"C3{taught}", pairs, runs)
        first = list(ernie_vilg.run_of(work, "few" if few else "all"))
        others = [[scene_runs.ernie(work, f"ernie_few_{seed}", pairs, f"seed={seed}")]
                  for seed in range(1, seeds)]  # fmt: skip
        yield Row("ERNIE-ViLG", pairs, [first, *others])


def commands(work):
    """(name, what a user would type): all seeds of few pairs, then all pairs."""
    yield from scene_runs.base(work)
    for pairs in (FEW, PAIRS):
        mine = [row for row in rows(work) if row.pairs == pairs]
        for turn in range(SEEDS):  # every row once before any is repeated
            for row in mine:
                yield from row.seeds[turn] if turn < len(row.seeds) else ()
    newest = {name: None for row in rows(work) for name, _ in runs_of(row, 0).values()}
    words = ["python", "-m", "benchmarks.latency", *(str(work / name) for name in newest)]
    yield "latency", [*words, f"--out={work / 'latency.json'}"]


def runs_of(row, seed):
    """{"caption", "draw": (name, words)} of a seed."""
    made = row.seeds[seed]
    return {"caption": made[row.captions], "draw": made[row.draws]}


def gather(study):
    """What is known so far."""
    done, found = study.finished, []
    timed = study.folder / "latency.json"
    milliseconds = json.loads(timed.read_text())["milliseconds"] if timed.exists() else {}
    for row in rows(study.folder):
        runs = [runs_of(row, seed) for seed in range(len(row.seeds))]
        there = [made for made in runs if all(name in done for name, _ in made.values())]
        if there:
            found.append(_row(study, row, there, milliseconds))
    return {"rows": found, "intervals": scene_runs.INTERVALS, **study.made("benchmarks.compare")}


def _row(study, row, there, milliseconds):
    """One system: scores of every seed, and what the first of them cost."""
    names = [{what: name for what, (name, _) in made.items()} for made in there]
    scored = [{what: scene_runs.scored(study.scores(name)["test"]) for what, name in of.items()}
              for of in names]  # fmt: skip
    first = set(names[0].values())
    time_of = lambda what: milliseconds.get(str(study.folder / names[0][what]), {}).get(what)
    return {
        "name": row.name,
        "pairs": row.pairs,
        "seeds": [
            {"captioning": of["caption"]["captioning"], "CIDEr": of["caption"]["CIDEr"],
             "drawing": of["draw"]["drawing"], "FID": of["draw"]["FID"]}
            for of in scored
        ],
        "parameters": sum(parameters(study.folder / name) for name in first),
        "steps": sum(Workdir(study.folder / name).config().train.steps for name in first),
        # Of C3 the towers too: they are made for it.
        "core_minutes": round(sum(study.spent(n)["core"] for n, _ in row.seeds[0]) / 60, 1),
        "milliseconds": {what: time_of(what) for what in ("draw", "caption")},
    }  # fmt: skip


def parameters(workdir):
    """How many a run trains."""
    state = describe(Workdir(workdir).config()).state
    return sum(leaf.size for leaf in jax.tree.leaves(state.params))


# ---- the page ----------------------------------------------------------------------------------


def page(found):
    """The tables in Markdown."""
    lines = [
        "# Three systems on the same data", "", f"{told(found)}", "",
        "Brackets: lowest and highest of the seeds, where there are more than one. Steps and "
        "core-minutes are of training with its evaluations, the first seed; C3's with those of its "
        "space. Milliseconds are of one row in calls of eight.", "",
    ]  # fmt: skip
    for pairs in (FEW, PAIRS):
        mine = [row for row in found["rows"] if row["pairs"] == pairs]
        if mine:
            lines += [f"## {pairs:,} pairs", "", *table(mine), ""]
    lines += ["## Every run", "", f"Brackets: {found['intervals']}.", ""]
    lines += ["| | pairs | seed | captioning F1 | drawing F1 | CIDEr | FID |", "|---" * 7 + "|"]
    for row in found["rows"]:
        for seed, of in enumerate(row["seeds"]):
            cells = [*(shown(of[label]) for label in SCORES), number(of["FID"])]
            lines.append(f"| {row['name']} | {row['pairs']:,} | {seed} | {' | '.join(cells)} |")
    return "\n".join(lines)


def table(rows):
    """Lines of one table."""
    head = ("", "captioning F1", "drawing F1", "CIDEr", "FID", "seeds", "parameters", "steps",
            "core-minutes", "ms a drawing", "ms a caption")  # fmt: skip
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        scores = [over([of[label] for of in row["seeds"]])
                  for label in ("captioning", "drawing", "CIDEr", "FID")]  # fmt: skip
        cost = (len(row["seeds"]), f"{row['parameters'] / 1e6:.2f} M", f"{row['steps']:,}")
        time = (number(row["milliseconds"][what]) for what in ("draw", "caption"))
        cells = (row["name"], *scores, *cost, row["core_minutes"], *time)
        yield f"| {' | '.join(map(str, cells))} |"


def over(values):
    """Mean of the seeds (lowest to highest); of an interval its middle counts."""
    values = [value[0] if isinstance(value, list) else value for value in values]
    if None in values:
        return ""
    mean = f"{statistics.mean(values):.2f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    sys.exit(main())
