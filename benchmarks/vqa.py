"""Questions about scenes that ERNIE-ViLG answers exactly, by kind; begun from a run or fresh.

python -m benchmarks.vqa --work=runs/scenes --out=results/vqa

20,000 pairs with eight questions about each picture. Every step is a command that you could type,
and the same command goes on where it was stopped. Writes OUT.json and OUT.md.
"""

import pathlib
import sys

from benchmarks import ernie_vilg, scene_runs
from benchmarks.scene_runs import PAIRS, QUESTIONS
from benchmarks.study import Study, interval, shown, told
from configs.commands import Argument, command

KINDS = ("colour", "shape", "size", "place", "count", "yes_no")
SPLITS = ("test_questions", "held_out_questions")
RUNS = {"vqa_started": "from a run of both directions", "vqa_fresh": "fresh"}

ARGUMENTS = {
    "--work": Argument(scene_runs.FOLDER, "folder of the runs", form="DIR"),
    "--out": Argument("results/vqa", "OUT.json and OUT.md", form="PATH"),
}


@command("benchmarks.vqa", "questions about scenes, answered by ERNIE-ViLG", ARGUMENTS)
def main(options):
    """Runs what is not done yet, and writes the tables after each run."""
    work = pathlib.Path(options.work)
    study = Study(work, commands(work))
    return study.tell(options.out, lambda: gather(study), page)


def commands(work):
    """(name, what a user would type)."""
    yield from scene_runs.base(work)
    yield from ernie_vilg.run_of(work, "all")
    drawn = f"tokenizer.workdir={work / 'tokenizer'}"
    start = f"model.start_from={work / 'ernie_all'}"
    yield scene_runs.train(work, "vqa_started", "ernie_vilg_vqa", drawn, start)
    yield scene_runs.train(work, "vqa_fresh", "ernie_vilg_vqa", drawn)


def gather(study):
    """What is known so far."""
    found = []
    for name in (name for name in RUNS if name in study.finished):
        for split, scores in study.scores(name).items():
            kinds = {kind: interval(scores, f"answer_{kind}_exact") for kind in KINDS}
            exact = interval(scores, "answer_exact")
            found.append({"run": name, "split": split, "all": exact, **kinds})
    return {
        "rows": found,
        "intervals": "95 %, bootstrap over the scenes of the split",
        **study.made("benchmarks.vqa"),
    }


def page(found):
    """The table in Markdown."""
    names = ("all", *KINDS)
    lines = [
        "# Questions about scenes", "", f"{told(found)} Brackets: {found['intervals']}.", "",
        f"Answers that are exactly right. Trained on {PAIRS:,} pictures with {QUESTIONS} questions "
        "each; held_out shows combinations of colour and shape that training never did.", "",
        f"| begun | split | {' | '.join(names)} |", f"|---|---|{'---|' * len(names)}",
    ]  # fmt: skip
    for row in found["rows"]:
        scores = " | ".join(shown(row[name]) for name in names)
        lines.append(f"| {RUNS[row['run']]} | {row['split']} | {scores} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
