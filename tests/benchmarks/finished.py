"""Studies of which some runs are there, without having run them."""

import json

from benchmarks.study import Study


def study(folder, commands, scores, nothing=()):
    """A study of which only the runs of {name: {split: scores}} are finished, and what of `nothing`
    needs no scores; beside each its config is what its words say."""
    commands = dict(commands)
    for name in (*scores, *nothing):
        kept = {"ended": commands[name], "wall": 60.0, "core": 90.0}
        file = folder / "commands" / f"{name}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(kept))
    for name, splits in scores.items():
        (folder / name).mkdir()
        old = {split: dict.fromkeys(of, 0.0) for split, of in splits.items()}
        (folder / name / "eval.json").write_text(json.dumps({"0": old, "20": splits}))
        (folder / name / "metrics.jsonl").write_text("")
    return Study(folder, commands)


def config_of(words, settings):
    """The config that the words of a training ask for."""
    file = next(w.removeprefix("--config=") for w in words if w.startswith("--config="))
    keys = [w.removeprefix("--config.") for w in words if w.startswith("--config.")]
    return settings.load(file, overrides=keys)
