"""The study of ERNIE-ViLG: runs that the config accepts, and a page of what is there."""

import json
import pathlib

import pytest

from benchmarks import ernie_vilg
from itit_jax import config as settings
from tests.benchmarks import finished


@pytest.mark.parametrize("name", ernie_vilg.ROWS)
def test_every_row_is_a_run_of_its_own_that_the_config_accepts(name):
    words = dict(ernie_vilg.commands(pathlib.Path("w")))[f"ernie_{name}"]
    config = finished.config_of(words, settings)
    assert f"--workdir={pathlib.Path('w') / f'ernie_{name}'}" in words
    assert config.data.pairs == (500 if name == "few" else 20_000)
    assert (config.data.tokens == "") == (config.model.reconstructor != "two_stage")
    assert (config.evaluate.best_of == 10) == (name in ("few", "all"))


def test_a_curve_is_the_mean_of_each_part_of_a_run(tmp_path):
    lines = [{"step": step, "draw": 10.0 * step, "caption": 1.0} for step in range(1, 21)]
    (tmp_path / "m").write_text("\n".join(json.dumps(line) for line in lines))
    found = ernie_vilg.curve(tmp_path / "m")
    assert found == [[2 * part, 20.0 * part - 4.0] for part in range(1, 11)]


def test_what_is_finished_stands_on_the_page_and_nothing_else(tmp_path):
    scores = {"draw_loss": 0.25, "t2i_fid": 1.5, "t2i_scene_f1": 0.5, "t2i_scene_f1_low": 0.4,
              "t2i_scene_f1_high": 0.6}  # fmt: skip
    runs = {name: {"test": scores} for name in ("ernie_few", "ernie_both")}
    study = finished.study(tmp_path, ernie_vilg.commands(tmp_path), runs, ["data"])
    page = ernie_vilg.page(ernie_vilg.gather(study))
    rows = [line for line in page.splitlines() if line.startswith(("| 5", "| 2", "| bo", "| two"))]
    assert rows == [
        "| 500 |  | 0.50 (0.40 to 0.60) |  |",
        "| both end to end | 0.25 | 0.50 (0.40 to 0.60) | 1.5 |  |  |  |",
    ]
