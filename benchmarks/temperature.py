"""How far apart pictures and their texts stay at each temperature of the contrast.

python -m benchmarks.temperature --work=runs/scenes --out=results/temperature

InfoNCE in CLIP's towers of 20,000 pairs, with the temperature held. Nothing pulls a pair nearer
once it stands out from all others by so much that the loss is small (arXiv 2401.08567, the stable
region): the noise of pairs should grow with the temperature, and the gap hardly. Every step is a
command that you could type, and the same command goes on where it was stopped. Writes OUT.json,
OUT.md and OUT.png.
"""

import json
import math
import pathlib
import sys

from benchmarks import scene_runs
from benchmarks.scene_runs import PAIRS
from benchmarks.study import Study, told
from configs.commands import Argument, command
from data_pipelines.files import whole

TEMPERATURES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
CLIP = ("model.family=clip", "loss.contrast=infonce")
LABELS = {
    "gap": "length of the gap",
    "noise": "length of the noise",
    "pairs": "cosine of pairs",
    "others": "cosine of others",
    "recall": "recall@1 of texts",
}
ARGUMENTS = {
    "--work": Argument(scene_runs.FOLDER, "folder of the runs", form="DIR"),
    "--out": Argument("results/temperature", "OUT.json, OUT.md and OUT.png", form="PATH"),
}


@command("benchmarks.temperature", "gap and noise against the temperature", ARGUMENTS)
def main(options):
    """Runs what is not done yet, and tells what is known after each run."""
    work = pathlib.Path(options.work)
    study = Study(work, commands(work))
    return study.tell(options.out, lambda: gather(study), page, plot)


def commands(work):
    """(name, what a user would type)."""
    yield scene_runs.data(work)
    for temperature in TEMPERATURES:
        name, words = scene_runs.space(
            work, f"temperature_{temperature}", PAIRS, *CLIP, f"loss.temperature={temperature}"
        )
        yield name, words
        look = ["python", "-m", "itit_jax.evaluation.geometry", f"{work / 'data'}:test"]
        out = work / f"{name}_geometry"
        yield out.name, [*look, f"--tower={work / name}", f"--out={out}"]


def gather(study):
    """What is known so far: a row a temperature."""
    rows = []
    for temperature in TEMPERATURES:
        name = f"temperature_{temperature}"
        if f"{name}_geometry" in study.finished:
            file = study.folder / f"{name}_geometry" / "geometry.json"
            scores = study.scores(name)["test"]
            rows.append({"temperature": temperature, **row(json.loads(file.read_text()), scores)})
    return {"rows": rows, **study.made("benchmarks.temperature")}


def row(geometry, scores):
    """The numbers of one space, by LABELS."""
    noise = geometry["noise"]["deviation"] * math.sqrt(geometry["width"])
    return {
        "gap": geometry["gap"]["length"][0],
        "noise": noise,
        "pairs": geometry["cosine_of_pairs"][0],
        "others": geometry["cosine_of_others"][0],
        "recall": scores["i2t_recall_1"],
    }


def page(found):
    """The table in Markdown."""
    head = ["temperature", *LABELS.values()]
    lines = ["# Gap and noise against the temperature", "", told(found), ""]
    lines += [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for one in found["rows"]:
        numbers = " | ".join(f"{one[key]:.3f}" for key in LABELS)
        lines.append(f"| {one['temperature']} | {numbers} |")
    return "\n".join(lines)


def plot(path, found):
    """Each number against the temperature."""
    from matplotlib.figure import Figure  # the list of commands needs none

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    there = [one["temperature"] for one in found["rows"]]
    for key, label in LABELS.items():
        axes.plot(there, [one[key] for one in found["rows"]], "o-", label=label)
    axes.set(xscale="log", xlabel="temperature, held", ylim=(-0.1, None))
    axes.set_xticks(TEMPERATURES, map(str, TEMPERATURES))
    axes.minorticks_off()
    axes.legend()
    with whole(path) as file:
        figure.savefig(file, format="png", dpi=100)


if __name__ == "__main__":
    sys.exit(main())
