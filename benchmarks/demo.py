"""The whole system on a laptop: data, tokenizer, ITIT, scores. Run by `make demo`.

python -m benchmarks.demo --out=runs/demo
python -m benchmarks.demo --out=runs/harder --preset=harder

Every step is a command that you could type; each continues where it was if it is interrupted.
"""

import json
import pathlib
import shlex
import sys

from PIL import Image, ImageDraw

from benchmarks.study import Study, commit, machine
from configs.commands import Argument, command
from configs.keys import between, one_of
from data_pipelines.scenes.world import PRESETS

SCORES = ("i2t_scene", "t2i_scene")

ARGUMENTS = {
    "--out": Argument("runs/demo", "folder of the demo", form="DIR"),
    "--preset": Argument("tiny", "scenes preset", one_of(*PRESETS), form="NAME"),
    "--seed": Argument(0, "of everything", between(0, 2**31 - 1), form="N"),
    "--cycle": Argument("full", "cycle.mode", one_of("full", "half", "none"), form="MODE"),
    "--set": Argument((), "a key of the itit run, often", form="KEY=VALUE", many=True),
}


@command("benchmarks.demo", "data, tokenizer, ITIT and scores on a laptop", ARGUMENTS)
def main(options):
    """Runs the commands in order, then gathers scores.json."""
    out = pathlib.Path(options.out)
    study = Study(out, commands(options, out), "--out")
    if code := study.run():
        return code
    scores = gather(out, options, study)
    (out / "scores.json").write_text(json.dumps(scores, indent=1))
    show(out, scores)
    return 0


def commands(options, out):
    """(name, what a user would type)."""
    itit = out / "itit"
    module = ["python", "-m"]
    train = [*module, "itit_jax.main"]
    data = f"--config.data.path={out / 'data'}"
    tokenizer = f"--config.tokenizer.workdir={out / 'tokenizer'}"
    seed = f"--config.seed={options.seed}"
    sized, worded = fit(options.preset)
    own = [f"--config.{key}" for key in (f"cycle.mode={options.cycle}", *options.set)]
    preset = [f"--preset={options.preset}", f"--out={out / 'data'}"]
    yield "data", [*module, "data_pipelines.build", "--from=scenes", *preset]
    tokenize = [*train, "--config=configs/vq_tiny.py", f"--workdir={out / 'tokenizer'}"]
    yield "tokenizer", [*tokenize, data, seed, *sized]
    encode = [*train, "--mode=encode", "--config=configs/itit_tiny.py"]
    yield "tokens", [*encode, f"--workdir={out / 'tokens'}", data, tokenizer, *sized, *worded]
    draw = [*train, "--config=configs/itit_tiny.py", f"--workdir={itit}", data, tokenizer]
    tokens = f"--config.data.tokens={out / 'tokens'}"
    yield "itit", [*draw, tokens, seed, *sized, *worded, *own]


def fit(preset):
    """Flags (of both models, of ITIT) by which the tiny configs fit another preset."""
    if preset == "tiny":
        return [], []
    world = PRESETS[preset]
    sized = [f"--config.data.image_size={world.image_size}", f"--config.evaluate.scenes={preset}"]
    return sized, [f"--config.data.text_length={12 * world.objects[1]}"]


def gather(out, options, study):
    """scores.json: after and before, the tokenizer's ceiling, what was used, how long."""
    history = json.loads((out / "itit" / "eval.json").read_text())
    steps = sorted(history, key=int)
    before, after = history[steps[0]], history[steps[-1]]
    config = json.loads((out / "itit" / "config.json").read_text())
    counts = json.loads((out / "data" / "dataset.json").read_text())["splits"]
    scores = {}
    for name in SCORES:
        for kind in ("f1", "f1_low", "f1_high", "exact"):
            scores[f"{name}_{kind}"] = after["test"][f"{name}_{kind}"]
        scores[f"{name}_f1_before"] = before["test"][f"{name}_f1"]
        scores[f"{name}_f1_held_out"] = after["held_out"][f"{name}_f1"]
        # Captions do not pass the tokenizer's pixels; pictures cannot be better than it.
        scores[f"{name}_f1_tokenizer_ceiling"] = after["test"]["tokenizer_scene_f1"]
    flat = {k: v for k, v in _flat(config)}
    spent = study.spent()
    return scores | {
        "pairs": flat["data.pairs"] or counts["pairs"]["records"],
        "lone_images": flat["data.lone_images"] or counts["images"]["records"],
        "lone_texts": flat["data.lone_texts"] or counts["texts"]["records"],
        "cycle": options.cycle,
        "seed": options.seed,
        "steps": int(steps[-1]),
        "wall_seconds": round(spent["wall"], 1),
        "core_seconds": round(spent["core"], 1),
        "core_seconds_of": {n: round(study.spent(n)["core"], 1) for n in study.commands},
        "intervals": "95 %, bootstrap over the test scenes of this one run; seeds differ by more",
        "device": machine(),
        "command": shlex.join(["python", "-m", "benchmarks.demo", *sys.argv[1:]]),
        "commit": commit(),
    }


def _flat(tree, prefix=""):
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def show(out, scores):
    """A small table and where to look."""
    print(f"\n{'test scenes, F1':22s} before   after   95 % of scenes  held-out   ceiling")
    for name, label in zip(SCORES, ("captioning", "drawing")):
        get = lambda kind, name=name: scores[f"{name}_{kind}"]
        print(
            f"{label:22s} {get('f1_before'):6.2f}  {get('f1'):6.2f}   "
            f"{get('f1_low'):.2f} to {get('f1_high'):.2f}    {get('f1_held_out'):8.2f}  "
            f"{get('f1_tokenizer_ceiling'):8.2f}"
        )
    print(f"\n{scores['pairs']} pairs, {scores['lone_images']} lone images, "
          f"{scores['lone_texts']} lone texts, {scores['wall_seconds'] / 60:.1f} minutes, "
          f"{scores['core_seconds'] / 60:.1f} core-minutes")
    print(f"before and after: {before_after(out)}\nscores: {out / 'scores.json'}")


def before_after(out):
    """One picture: the first sample sheet of the run, and the last one beside it."""
    sheets = sorted((out / "itit" / "samples").glob("*.png"))
    before, after = Image.open(sheets[0]), Image.open(sheets[-1])
    head = 20
    both = Image.new("RGB", (before.width + after.width, head + before.height), "white")
    pen = ImageDraw.Draw(both)
    places = ((0, before, "before training"), (before.width, after, "after training"))
    for left, sheet, title in places:
        both.paste(sheet, (left, head))
        pen.text((left + 8, 4), title, "black")
    both.save(out / "before_after.png")
    return out / "before_after.png"


if __name__ == "__main__":
    sys.exit(main())
