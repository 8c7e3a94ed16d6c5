"""The study of C3: each run has a place and settings of its own, and a page tells what is there."""

import json
import pathlib

from benchmarks import c3
from benchmarks.study import Study
from itit_jax import config as settings


def test_every_row_is_a_run_of_its_own_that_the_config_accepts():
    named = dict(c3.commands(pathlib.Path("w"), ["train.steps=700"]))
    places = [c3.name_of(*row) for row in c3.rows()]
    assert len(set(places)) == len(places) == 26 and set(places) < set(named)
    flags = [word.removeprefix("--config.") for word in named["strong_c2_1_0"]
             if word.startswith("--config.")]  # fmt: skip
    config = settings.load("configs/c3_tiny.py", overrides=flags)
    assert config.condition.collapse and config.condition.corrupt == "none"
    assert config.data.pairs == 500 and config.train.steps == 700


def test_what_is_finished_stands_on_the_page_and_nothing_else(tmp_path):
    scores = {"i2t_recall_1": 0.9, "t2i_recall_1": 0.8, "i2t_scene_f1": 0.5,
              "i2t_scene_f1_low": 0.4, "i2t_scene_f1_high": 0.6}  # fmt: skip
    for name in ("weak", "weak_c3_1"):
        (tmp_path / name).mkdir()
        old = {"test": dict.fromkeys(scores, 0.0)}
        (tmp_path / name / "eval.json").write_text(json.dumps({"0": old, "20": {"test": scores}}))
    finished = dict.fromkeys(("data", "weak", "weak_c3_1"), [])
    (tmp_path / "finished.json").write_text(json.dumps(finished))
    page = c3.page(c3.gather(Study(tmp_path)))
    assert "The weak space: data.pairs=500 (i2t_recall_1 0.900" in page and "strong" not in page
    assert [line for line in page.splitlines() if line.startswith("| C")] == [
        "| C3 | 1 | 0.50 (0.40 to 0.60) |  |  |"
    ]
