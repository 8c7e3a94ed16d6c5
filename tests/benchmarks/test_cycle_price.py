"""What cheaper cycles cost: rows differ by their cycles alone, and share others' runs."""

import pathlib

from benchmarks import cycle_price, few_pairs
from configs import itit_tiny
from itit_jax import config as settings
from tests.benchmarks import finished

SCORES = {
    "i2t_scene_f1": 0.9, "i2t_scene_f1_low": 0.8, "i2t_scene_f1_high": 0.95,
    "t2i_scene_f1": 0.7, "t2i_scene_f1_low": 0.6, "t2i_scene_f1_high": 0.8,
}  # fmt: skip


def test_rows_differ_by_their_cycles_alone():
    work = pathlib.Path("w")
    named = dict(cycle_price.commands(work, 1))
    runs = {name: finished.config_of(named[name], settings) for name in named if "250" in name}
    assert sorted((c.cycle.mode, c.cycle.rounds) for c in runs.values()) == sorted(
        cycle_price.ROWS.values()
    )
    for config in runs.values():
        config.cycle.update(mode="full", rounds=3)
    assert len({str(config) for config in runs.values()}) == 1
    preset = itit_tiny.get_config()
    assert (preset.cycle.rounds, preset.decode.rounds) == (cycle_price.PRESET, cycle_price.USERS)
    shared = named.keys() & dict(few_pairs.commands(work)).keys()
    assert {"itit_full_250_0", "itit_half_250_0", "itit_none_250_0"} <= shared


def test_a_row_tells_the_mean_and_the_range_of_its_runs(tmp_path):
    runs = {"itit_full_250_0": {"test": SCORES}}
    runs["itit_full_250_1"] = {"test": SCORES | {"i2t_scene_f1": 0.8}}
    found = cycle_price.gather(finished.study(tmp_path, cycle_price.commands(tmp_path), runs))
    told = cycle_price.page(found)
    row = "| full cycles, 3 rounds (the preset) | 2 | 0.85 (0.80 to 0.90) | 0.70 (0.70 to 0.70) |"
    assert row in told and "half" not in told.partition("Brackets")[0]
