"""Captioning from few pairs: no command sees more pairs than its row says."""

import pathlib
import re

from PIL import Image

from benchmarks import few_pairs
from itit_jax import config as settings
from tests.benchmarks import finished


def test_every_run_sees_so_many_pairs_and_has_settings_that_fit():
    work = pathlib.Path("w")
    named = dict(few_pairs.commands(work))
    assert len(named) == 4 + 4 * 5 + 3 * 5
    for name, words in named.items():
        if "_" not in name:
            continue
        config = finished.config_of(words, settings)
        assert config.data.pairs == int(re.search(r"_(\d+)", name)[1]), name
        assert config.data.rows.caption <= config.data.pairs
    seeds = dict(few_pairs.commands(work, 3))
    assert len(seeds) == len(named) + 2 * 3 * 5 and named.items() <= seeds.items()
    words = named["fine_50"]
    assert f"--config.model.start_from={work / 'c3_50'}" in words
    assert "--config.data.rows.texts=0" in words, "fine-tuned on pairs alone, as in the paper"


def test_what_is_finished_is_told_and_drawn(tmp_path):
    captioning = {"i2t_scene_f1": 0.5, "i2t_scene_f1_low": 0.4, "i2t_scene_f1_high": 0.6}
    drawing = {"t2i_scene_f1": 0.7, "t2i_scene_f1_low": 0.6, "t2i_scene_f1_high": 0.8}
    runs = dict.fromkeys(("c3_25", "c3_100"), {"test": captioning})
    runs["itit_none_50_0"] = {"test": captioning | drawing}
    found = few_pairs.gather(finished.study(tmp_path, few_pairs.commands(tmp_path), runs))
    captions, drawings = few_pairs.page(found).split("## Drawing F1")
    assert "| C3 | 0.50 (0.40 to 0.60) |  | 0.50 (0.40 to 0.60) |  |  |" in captions
    assert "| ITIT, no cycle |  | 0.50 (0.40 to 0.60) |  |  |  |" in captions
    assert "| ITIT, no cycle |  | 0.70 (0.60 to 0.80) |  |  |  |" in drawings
    assert "C3" not in drawings and "full cycles" not in captions
    several = [[0.5, 0.4, 0.6], [0.9, 0.8, 1.0]]
    assert few_pairs.cell(several) == "0.70 (0.50 to 0.90), 2 seeds"
    few_pairs.plot(tmp_path / "x.png", found)
    assert Image.open(tmp_path / "x.png").size == (900, 400)
