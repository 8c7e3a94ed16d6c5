"""Questions about scenes that ERNIE-ViLG answers exactly, by kind; begun from a run or fresh.

python -m benchmarks.vqa --work=runs/vqa --out=results/vqa

One data set of 20,000 pairs with eight questions about each picture. Every step is a command that
you could type, and the same command goes on where it was stopped. Writes OUT.json and OUT.md.
"""

import sys

from benchmarks.study import Study, interval, shown, told, write
from configs.commands import Argument, command

PAIRS, QUESTIONS = 20_000, 8
KINDS = ("colour", "shape", "size", "place", "count", "yes_no")
SPLITS = ("test_questions", "held_out_questions")
RUNS = {"started": "from a run of both directions", "fresh": "fresh"}

ARGUMENTS = {
    "--work": Argument("runs/vqa", "folder of the runs", form="DIR"),
    "--out": Argument("results/vqa", "OUT.json and OUT.md", form="PATH"),
}


@command("benchmarks.vqa", "questions about scenes, answered by ERNIE-ViLG", ARGUMENTS)
def main(options):
    """Runs what is not done yet, and writes the tables after each run."""
    study = Study(options.work)
    return study.run(commands(study.folder), lambda: write(options.out, gather(study), page))


def commands(work):
    """(name, what a user would type)."""
    build = ["python", "-m", "data_pipelines.build", "--from=scenes", "--preset=tiny"]
    yield "data", [*build, f"--pairs={PAIRS}", f"--questions_each={QUESTIONS}",
                   f"--out={work / 'data'}"]  # fmt: skip
    train = ["python", "-m", "itit_jax.main", f"--config.data.path={work / 'data'}"]
    run = lambda name, config: [*train, f"--config=configs/{config}.py", f"--workdir={work / name}"]
    yield "tokenizer", run("tokenizer", "vq_tiny")
    drawn = f"--config.tokenizer.workdir={work / 'tokenizer'}"
    yield "ernie", [*run("ernie", "ernie_vilg_tiny"), drawn]
    start = f"--config.model.start_from={work / 'ernie'}"
    yield "started", [*run("started", "ernie_vilg_vqa_tiny"), drawn, start]
    yield "fresh", [*run("fresh", "ernie_vilg_vqa_tiny"), drawn]


def gather(study):
    """What is known so far."""
    found = []
    for name in filter(study.finished.__contains__, RUNS):
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
