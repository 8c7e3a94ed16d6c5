"""ITIT, C3 and ERNIE-ViLG on the same data, in one table.

python -m benchmarks.compare --work=runs/scenes --out=results/compare

Once of 500 pairs, beside 6,000 lone pictures and 6,000 lone texts for those who can use them, and
once of 20,000. All draw with the same tokenizer and take the steps of their tiny presets, whose
cost stands beside. Every step is a command that you could type, and the same command goes on where
it was stopped. Writes OUT.json and OUT.md; what OUT.json holds of other tokenizers stays, so that
the same command in another folder adds runs to the table.
"""

import json
import pathlib
import statistics
import sys
from typing import NamedTuple

import jax

from benchmarks import c3, ernie_vilg, scene_runs
from benchmarks.scene_runs import FEW, NUMBERS, PAIRS, SCORES
from benchmarks.study import Study, number, shown, told
from configs.commands import Argument, command
from configs.keys import at_least
from itit_jax.program import describe
from itit_jax.workdir import Workdir

ALONE = {  # two models, each of one direction: ITIT's networks with a single objective
    "captioner": ("data.rows.draw=0", "loss.draw=0"),
    "drawer": ("data.rows.caption=0", "loss.caption=0"),
}

ARGUMENTS = {
    "--work": Argument(scene_runs.FOLDER, "folder of the runs", form="DIR"),
    "--seeds": Argument(3, "seeds of the systems of few pairs", at_least(1), form="N"),
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
    study = Study(work, commands(work, options.seeds))
    file = pathlib.Path(f"{options.out}.json")
    known = json.loads(file.read_text())["rows"] if file.exists() else []
    table = lambda: gather(study, options.seeds, known)
    return study.tell(options.out, table, page)


def rows(work, seeds=1):
    """The systems, those of few pairs first, with so many seeds."""
    for pairs, count in ((FEW, seeds), (PAIRS, 1)):
        few = pairs == FEW
        apart = [scene_runs.itit(work, "none", pairs, 0, *keys, name=f"{name}_{pairs}")
                 for name, keys in ALONE.items()]  # fmt: skip
        yield Row("captioner and drawer apart", pairs, [apart], captions=0, draws=1)
        for name, cycle in (("without cycles", "none"), ("half cycles", "half"), ("", "full")):
            if few or cycle != "half":
                runs = [[scene_runs.itit(work, cycle, pairs, seed)] for seed in range(count)]
                yield Row(f"ITIT {name}".strip(), pairs, runs)
        for space in ("weak",) if few else ("plain", "strong"):
            taught = ", a space taught word by word" if space == "strong" else ""
            tower = c3.tower_of(work, space)
            runs = [[tower, c3.run_of(work, space, "C3", seed)] for seed in range(count)]
            yield Row(f"C3{taught}", pairs, runs)
        first = list(ernie_vilg.run_of(work, "few" if few else "all"))[-1:]  # its judge is C3's
        others = [[scene_runs.ernie(work, f"ernie_few_{seed}", pairs, f"seed={seed}")]
                  for seed in range(1, count)]  # fmt: skip
        yield Row("ERNIE-ViLG", pairs, [first, *others])


def commands(work, seeds=1):
    """(name, what a user would type): all pairs, of which one seed is enough, then few."""
    yield from scene_runs.base(work)
    for pairs in (PAIRS, FEW):
        mine = [row for row in rows(work, seeds) if row.pairs == pairs]
        for turn in range(seeds):  # every row once before any is repeated
            for row in mine:
                yield from row.seeds[turn] if turn < len(row.seeds) else ()
    newest = {name: None for row in rows(work) for name, _ in runs_of(row, 0).values()}
    words = ["python", "-m", "benchmarks.latency", *(str(work / name) for name in newest)]
    yield "latency", [*words, f"--pictures={work / 'data'}:test", f"--out={work / 'latency.json'}"]


def runs_of(row, seed):
    """{"caption", "draw": (name, words)} of a seed."""
    made = row.seeds[seed]
    return {"caption": made[row.captions], "draw": made[row.draws]}


def gather(study, seeds=1, known=()):
    """What is found so far, and of `known` rows what was found with other tokenizers."""
    found = {(row["name"], row["pairs"]): row for row in known}
    for row in rows(study.folder, seeds):
        key = (row.name, row.pairs)
        if mine := _row(study, row):
            others = found.get(key, {"runs": []})["runs"]
            here = mine["runs"][0]["tokenizer"]
            mine["runs"] = [run for run in others if run["tokenizer"] != here] + mine["runs"]
            found[key] = mine
    order = [(row.name, row.pairs) for row in rows(study.folder)]
    table = [found[key] for key in order if key in found]
    return {"rows": table, "intervals": scene_runs.INTERVALS, **study.made("benchmarks.compare")}


def _row(study, row):
    """One system: scores of every seed that is done, and what the first of them cost; or None."""
    folders = [{what: study.folder / name for what, (name, _) in runs_of(row, seed).items()}
               for seed in range(len(row.seeds))]  # fmt: skip
    ended = lambda of: all(folder.name in study.finished for folder in of.values())
    runs = [{"seed": seed, "tokenizer": tokenizer(of["draw"]), **_scores(study, of)}
            for seed, of in enumerate(folders) if ended(of)]  # fmt: skip
    if not runs:
        return None
    first, timed = folders[runs[0]["seed"]], study.folder / "latency.json"
    milliseconds = json.loads(timed.read_text())["milliseconds"] if timed.exists() else {}
    return {
        "name": row.name,
        "pairs": row.pairs,
        "runs": runs,
        "parameters": sum(map(parameters, set(first.values()))),
        "steps": sum(Workdir(folder).config().train.steps for folder in set(first.values())),
        # Of C3 the towers too: they are made for it.
        "core_minutes": round(sum(study.spent(n)["core"] for n, _ in row.seeds[0]) / 60, 1),
        "milliseconds": {what: milliseconds.get(str(folder), {}).get(what)
                         for what, folder in first.items()},
    }  # fmt: skip


def _scores(study, folders):
    """{score: [value, low, high] or value} of {"caption", "draw": a finished run}, and by whose
    features the FID is."""
    test = {what: study.scores(folder.name)["test"] for what, folder in folders.items()}
    scores = {what: scene_runs.scored(each) for what, each in test.items()}
    told = {label: scores["caption"][label] for label in ("captioning", "CIDEr")}
    told |= {label: scores["draw"][label] for label in ("drawing", "FID")}
    return told | {"features": test["draw"].get("t2i_features")}


def tokenizer(folder):
    """The first letters of the hash of the tokenizer that a run stands on."""
    return Workdir(folder).companions()["tokenizer"][:6]


def parameters(workdir):
    """How many a run trains."""
    state = describe(Workdir(workdir).config()).state
    return sum(leaf.size for leaf in jax.tree.leaves(state.params))


# ---- the page ----------------------------------------------------------------------------------


def page(found):
    """The tables in Markdown."""
    lines = [
        "# Three systems on the same data", "", f"{told(found)}", "",
        "Brackets: lowest and highest of the runs, where there are more than one. Steps and "
        "core-minutes are of training with its evaluations, the last run; C3's with those of its "
        "space, and ERNIE-ViLG's first run draws ten pictures of each text to evaluate. FIDs are "
        "by one network, that of the last run. Milliseconds are of one row in calls of eight, "
        "captions of the same pictures.", "",
    ]  # fmt: skip
    for pairs in (FEW, PAIRS):
        mine = [row for row in found["rows"] if row["pairs"] == pairs]
        if mine:
            lines += [f"## {pairs:,} pairs", "", *table(mine), ""]
    lines += ["## Every run", "", f"Brackets: {found['intervals']}.", ""]
    head = ("", "pairs", "seed", "tokenizer", "captioning F1", "drawing F1", "CIDEr", "FID")
    lines += [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row in found["rows"]:
        for run in row["runs"]:
            scores = [shown(run[label]) for label in SCORES]
            scores += [number(middle(run[label])) for label in NUMBERS]
            cells = (row["name"], f"{row['pairs']:,}", run["seed"], run["tokenizer"], *scores)
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def table(rows):
    """Lines of one table."""
    head = ("", "captioning F1", "drawing F1", "CIDEr", "FID", "runs", "parameters", "steps",
            "core-minutes", "ms a drawing", "ms a caption")  # fmt: skip
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        scores = [over([run[label] for run in row["runs"]]) for label in (*SCORES, "CIDEr")]
        newest = row["runs"][-1].get("features")
        fids = [run["FID"] for run in row["runs"] if run.get("features") == newest]
        scores.append(over(fids))
        cost = (len(row["runs"]), f"{row['parameters'] / 1e6:.2f} M", f"{row['steps']:,}")
        time = (number(row["milliseconds"][what]) for what in ("draw", "caption"))
        cells = (row["name"], *scores, *cost, row["core_minutes"], *time)
        yield f"| {' | '.join(map(str, cells))} |"


def over(values):
    """Mean of the runs (lowest to highest); of an interval its middle counts."""
    values = list(map(middle, values))
    if None in values:
        return ""
    mean = f"{statistics.mean(values):.2f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.2f} to {max(values):.2f})"


def middle(value):
    """Of an interval; a number is its own."""
    return value[0] if isinstance(value, list) else value


if __name__ == "__main__":
    sys.exit(main())
