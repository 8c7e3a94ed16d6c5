"""Settings of a small recipe on four chips: each is counted as its own plan would count it."""

import json

import pytest

from itit_jax import config as settings
from itit_jax import main
from itit_jax.planner import search, topology

V5E = topology.parse("v5e:2x2")
CONFIG = "configs/classifier_tiny.py"


@pytest.fixture(scope="module")
def found():
    return search.search(settings.load(CONFIG), V5E)


def test_every_mesh_remat_and_batch_is_tried_once(found):
    rows = settings.load(CONFIG).data.rows.caption
    tried = {(one.data, one.fsdp, one.remat, one.rows["caption"]) for one in found}
    assert tried == {
        (data, fsdp, remat, int(rows * scale))
        for data, fsdp in ((1, 4), (2, 2), (4, 1))
        for remat in search.REMATS
        for scale in search.SCALES
    }
    assert len(found) == len(tried)


def test_a_setting_has_the_step_that_its_own_plan_has(found, tmp_path):
    out = tmp_path / "plan.json"
    keys = [f"--config={CONFIG}", "--config.mesh.fsdp=2", "--config.mesh.remat=full"]
    arguments = ["--mode=plan", "--topology=v5e:2x2", "--quick", f"--out={out}"]
    assert main.main([*arguments, *keys, "--config.data.rows.caption=128"]) == 0
    plan = json.loads(out.read_text())
    one = next(x for x in found if (x.fsdp, x.remat, x.rows["caption"]) == (2, "full", 128))
    assert one.step_seconds == pytest.approx(plan["step_seconds"])
    assert one.binds == plan["binds"]
    assert one.model_flops_utilisation == pytest.approx(plan["model_flops_utilisation"])
    assert one.bytes > plan["bytes_a_device"]["arguments"]


def test_sharing_and_remat_take_fewer_bytes_and_rows_more(found):
    bytes_of = {(x.fsdp, x.remat, x.rows["caption"]): x.bytes for x in found}
    assert bytes_of[4, "none", 64] < bytes_of[2, "none", 64]
    assert bytes_of[1, "none", 64] < bytes_of[1, "none", 128]


def test_the_command_lists_the_fastest_first_and_what_to_type(tmp_path, capsys):
    out = tmp_path / "found.json"
    flags = ["--topology=v5e:2x2", "--search", f"--out={out}"]
    assert main.main(["--mode=plan", f"--config={CONFIG}", *flags]) == 0
    printed = capsys.readouterr().out
    for words in ("rows as they are", "other rows", "first: --config.mesh.data=", "a million rows"):
        assert words in printed
    kept = json.loads(out.read_text())
    speeds = [sum(one["rows"].values()) / one["step_seconds"][1] for one in kept]
    assert speeds == sorted(speeds, reverse=True) and all(one["fits"] for one in kept)


def test_what_fits_nowhere_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setitem(topology.CHIPS, "v5e", topology.CHIPS["v5e"]._replace(memory=1000))
    arguments = ["--mode=plan", f"--config={CONFIG}", "--topology=v5e:2x2", "--search"]
    assert main.main(arguments) == 2
    assert "0 of 45 settings fit by count; take more chips" in capsys.readouterr().out


def test_rows_that_no_mesh_divides_are_one_sentence(capsys):
    arguments = ["--mode=plan", f"--config={CONFIG}", "--topology=v5e:4x4", "--search"]
    assert main.main([*arguments, "--config.data.rows.caption=2"]) == 2
    assert "itit_jax: no mesh of 16 devices divides data.rows" in capsys.readouterr().err


def test_batches_that_do_not_divide_into_parts_are_left_out():
    changes = ["data.rows.caption=16", "train.accumulate=4"]
    some = search.search(settings.load(CONFIG, overrides=changes), V5E)
    assert {one.rows["caption"] for one in some} == {16, 32, 64}  # 4 parts over 4 devices
