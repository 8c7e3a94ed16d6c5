"""ERNIE-ViLG on scenes: few pairs and many, in two stages and end to end, dense and sparse.

python -m benchmarks.ernie_vilg --work=runs/ernie_study --out=results/ernie_vilg

One data set of 20,000 pairs. Every step is a command that you could type, and the same command goes
on where it was stopped. Writes OUT.json and OUT.md.
"""

import json
import statistics
import sys

from benchmarks.study import Study, interval, shown, told, write
from configs.commands import Argument, command

PAIRS, FEW, DRAWINGS = 20_000, 500, 10
POINTS = 10  # of a curve of losses, each the mean of its part of the run
# Row: its own keys. Those that start with few see 500 pairs, and their judge too.
ROWS = {
    "few": (),
    "all": (),
    "generator": ("model.reconstructor=generator",),
    "both": ("model.reconstructor=both",),
    "sparse": ("model.attention=sparse", "model.kernel=3"),
    "seed": ("seed=1",),
}
JUDGED = {"few": ("judge_few", FEW), "all": ("judge", PAIRS)}
STAGES = {"all": "two stages", "generator": "Transformer end to end", "both": "both end to end"}
SCORES = {
    "captioning": "i2t_scene_f1", "drawing": "t2i_scene_f1", "best": "t2i_best_scene_f1",
    "gold": "tokenizer_scene_f1",
}  # fmt: skip
NUMBERS = {
    "draw_loss": "draw_loss", "caption_loss": "caption_loss", "fid": "t2i_fid",
    "gold_fid": "tokenizer_fid", "gold_error": "rebuilt_error",
}  # fmt: skip

ARGUMENTS = {
    "--work": Argument("runs/ernie_study", "folder of the runs", form="DIR"),
    "--out": Argument("results/ernie_vilg", "OUT.json and OUT.md", form="PATH"),
    "--set": Argument((), "a key of every ernie_vilg run, often", form="KEY=VALUE", many=True),
}


@command("benchmarks.ernie_vilg", "ERNIE-ViLG on scenes", ARGUMENTS)
def main(options):
    """Runs what is not done yet, and writes the tables after each run."""
    study = Study(options.work)
    tell = lambda: write(options.out, gather(study), page)
    return study.run(commands(study.folder, options.set), tell)


def commands(work, own):
    """(name, what a user would type)."""
    module = ["python", "-m"]
    build = [*module, "data_pipelines.build", "--from=scenes", "--preset=tiny"]
    yield "data", [*build, f"--pairs={PAIRS}", f"--out={work / 'data'}"]
    train = [*module, "itit_jax.main", f"--config.data.path={work / 'data'}"]
    run = lambda name, config: [*train, f"--config=configs/{config}.py", f"--workdir={work / name}"]
    yield "tokenizer", run("tokenizer", "vq_tiny")
    tokenizer = f"--config.tokenizer.workdir={work / 'tokenizer'}"
    yield "tokens", [*run("tokens", "ernie_vilg_tiny"), "--mode=encode", tokenizer]
    yield "classifier", run("classifier", "classifier_tiny")
    for judge, pairs in JUDGED.values():
        yield judge, [*run(judge, "towers_tiny"), f"--config.data.pairs={pairs}"]
    for name in ROWS:
        keys = (*keys_of(name, work), *own)
        flags = [tokenizer, *(f"--config.{key}" for key in keys)]
        yield name, [*run(name, "ernie_vilg_tiny"), *flags]
    sparse = [*module, "benchmarks.sparse", f"--out={work / 'sparse.json'}"]
    yield "time_and_memory", sparse


def keys_of(name, work):
    """The keys of a row beside those of the preset."""
    keys = [*ROWS[name], f"evaluate.features=scenes:{work / 'classifier'}"]
    if not any(key.startswith("model.reconstructor") for key in keys):
        keys.append(f"data.tokens={work / 'tokens'}")  # the same ids, and no pixels to encode
    if name == "few":
        keys.append(f"data.pairs={FEW}")
    if name in JUDGED:
        keys += [f"evaluate.best_of={DRAWINGS}", f"evaluate.judge={work / JUDGED[name][0]}"]
    return keys


def gather(study):
    """What is known so far."""
    there = [name for name in ROWS if name in study.finished]
    measured = study.folder / "sparse.json"
    return {
        "rows": {name: row(study, name) for name in there},
        "time_and_memory": json.loads(measured.read_text()) if measured.exists() else None,
        "intervals": "95 %, bootstrap over the 500 test scenes of one run",
        **study.made("benchmarks.ernie_vilg"),
    }


def row(study, name):
    """Scores of one run on test and its curve of losses."""
    scores = study.scores(name)["test"]
    intervals = {label: interval(scores, key) for label, key in SCORES.items()}
    numbers = {label: scores.get(key) for label, key in NUMBERS.items()}
    return intervals | numbers | {"curve": curve(study.folder / name / "metrics.jsonl")}


def curve(file):
    """[[last step, mean of draw and caption together]] of POINTS parts of a run."""
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    if not lines:
        return []
    last, parts = lines[-1]["step"], {}
    for line in lines:
        part = -(-line["step"] * POINTS // last)
        parts.setdefault(part, []).append(line["draw"] + line["caption"])
    return [[part * last // POINTS, round(statistics.mean(losses), 4)]
            for part, losses in sorted(parts.items())]  # fmt: skip


# ---- the page ----------------------------------------------------------------------------------


def page(found):
    """The tables in Markdown."""
    rows = found["rows"]
    head = ["# ERNIE-ViLG on scenes", "", f"{told(found)} Brackets: {found['intervals']}.", ""]
    sections = (_pairs(rows), _stages(rows), _sparse(rows), _cost(found["time_and_memory"]))
    return "\n".join([*head, *(line for section in sections for line in (*section, ""))]).rstrip()


def _pairs(rows):
    counts = {"few": FEW, "all": PAIRS}
    return [
        f"## Both directions, and the best of {DRAWINGS} drawings by towers of the same pairs",
        "",
        f"| pairs | captioning F1 | drawing F1 | best of {DRAWINGS} |",
        "|---|---|---|---|",
        *(
            f"| {counts[name]:,} | "
            + " | ".join(shown(rows[name][key]) for key in ("captioning", "drawing", "best"))
            + " |"
            for name in counts
            if name in rows
        ),
    ]


def _stages(rows):
    lines = [
        "## In two stages and end to end",
        "",
        "FID by the features of the scenes classifier. Gold: pictures made of the true tokens, by "
        "the tokenizer's decoder or, where that is trained, by the reconstructor.",
        "",
        "| pixels teach | loss of a token | drawing F1 | FID | gold F1 | gold FID | gold error |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, words in STAGES.items():
        if name in rows:
            r = rows[name]
            numbers = (_number(r["fid"]), shown(r["gold"]), _number(r["gold_fid"]),
                       _number(r["gold_error"]))  # fmt: skip
            cells = (_number(r["draw_loss"]), shown(r["drawing"]), *numbers)
            lines.append(f"| {words} | {' | '.join(cells)} |")
    return lines


def _sparse(rows):
    names = {"all": "dense", "seed": "dense, another seed", "sparse": "sparse, 3x3 in the last"}
    there = [name for name in names if name in rows]
    if not there:
        return []
    steps = [str(step) for step, _ in rows[there[0]]["curve"]]
    lines = [
        "## Sparse attention: the loss of training up to each step",
        "",
        f"| attention | {' | '.join(steps)} |",
        f"|---|{'---|' * len(steps)}",
    ]
    for name in there:
        values = " | ".join(f"{loss:.2f}" for _, loss in rows[name]["curve"])
        lines.append(f"| {names[name]} | {values} |")
    return lines


def _cost(found):
    if found is None:
        return []
    sizes = ", ".join(f"{name} {value}" for name, value in found["sizes"].items())
    lines = [
        f"## Sparse over dense: forward and backward of the layers ({sizes})",
        "",
        "| direction | time by the clock | of the cores | temporary memory |",
        "|---|---|---|---|",
    ]
    for what, ratio in found["sparse_over_dense"].items():
        cells = (f"{ratio[key]:.2f}" for key in ("seconds", "core_seconds", "temporary_bytes"))
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return lines


def _number(value):
    return "" if value is None else f"{value:.4g}"


if __name__ == "__main__":
    sys.exit(main())
