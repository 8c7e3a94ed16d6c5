"""The study of C3: each run has a place and settings of its own, and a page tells what is there."""

import pathlib

from benchmarks import c3
from itit_jax import config as settings
from tests.benchmarks import finished


def test_every_row_is_a_run_of_its_own_that_the_config_accepts():
    named = dict(c3.commands(pathlib.Path("w")))
    places = [c3.name_of(*row) for row in c3.rows()]
    assert len(set(places)) == len(places) == 26 and set(places) < set(named)
    config = finished.config_of(named["strong_c2_1_0"], settings)
    assert config.condition.collapse and config.condition.corrupt == "none"
    assert config.data.pairs == 500 and config.tower.workdir.endswith("w/strong")


def test_what_is_finished_stands_on_the_page_and_nothing_else(tmp_path):
    scores = {"i2t_recall_1": 0.9, "t2i_recall_1": 0.8, "i2t_scene_f1": 0.5, "t2i_fid": 1.25,
              "i2t_scene_f1_low": 0.4, "i2t_scene_f1_high": 0.6}  # fmt: skip
    runs = {name: {"test": scores} for name in ("weak", "weak_c3_1")}
    study = finished.study(tmp_path, c3.commands(tmp_path), runs, ["data"])
    page = c3.page(c3.gather(study))
    assert "The weak space: 500 pairs (i2t_recall_1 0.900" in page and "strong" not in page
    assert [line for line in page.splitlines() if line.startswith("| C")] == [
        "| C3 | 1 | 0.50 (0.40 to 0.60) |  |  | 1.25 |"
    ]
