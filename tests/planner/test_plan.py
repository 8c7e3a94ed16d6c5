"""Plans of every recipe, by the command; what cannot be planned is one sentence."""

import importlib.util
import json

import jax
import pytest

from itit_jax import config as settings
from itit_jax import main
from itit_jax.config_files import recipes
from itit_jax.planner import plan, topology
from itit_jax.planner.collectives import BETWEEN_SLICES

CLASSIFIER = "--config=configs/classifier_tiny.py"
V5E = topology.parse("v5e:2x2")


def planned(*flags, out):
    """The plan that the command leaves."""
    assert main.main(["--mode=plan", f"--out={out}", *flags]) == 0
    return json.loads(out.read_text())


@pytest.mark.parametrize("recipe", recipes())
def test_every_recipe_is_planned(recipe, tmp_path, capsys):
    flags = [f"--config=configs/{recipe}_tiny.py", "--topology=v5e:2x2", "--quick", "--price=2"]
    if "tokenizer.config" in settings.declared(settings.load(flags[0][9:])):
        flags.append("--config.tokenizer.config=configs/vq_tiny.py")
    found, printed = planned(*flags, out=tmp_path / "plan.json"), capsys.readouterr().out
    terms = found["flops"].values()
    assert found["recipe"] == recipe and found["chips"] == 4
    assert found["flops_total"] == sum(t["forward"] + t["backward"] for t in terms) > 0
    given, roof = found["bytes_a_device"], found["roofline_seconds"]
    parts = ("parameters", "optimizer", "average", "frozen parts", "batch")
    assert given["arguments"] == sum(given[name] for name in parts)
    assert (given["fits"], given["compiled"]) == (None, None)
    best, usual = found["step_seconds"]
    assert best == max(value for value in roof.values() if value) == roof[found["binds"]] <= usual
    steps = settings.load(flags[0][9:]).train.steps
    assert found["hours"] == [best * steps / 3600, usual * steps / 3600]
    assert found["dollars"] == pytest.approx([8 * hours for hours in found["hours"]])
    used = found["flops_total"] / (best * 4 * 197e12)
    assert found["model_flops_utilisation"][0] == pytest.approx(used) and used < 1
    for word in (
        *found["parameters"],
        *found["flops"],
        "GiB are left for temporaries",
        "$2 an hour",
    ):
        assert word in printed


def test_with_a_compiler_the_step_itself_tells_whether_it_fits(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(topology, "can_compile", lambda asked: True)
    monkeypatch.setattr(topology, "devices", lambda asked: jax.devices()[: asked.devices])
    found = planned(CLASSIFIER, "--topology=v5e:2x2", out=tmp_path / "plan.json")["bytes_a_device"]
    compiled = found["compiled"]
    # The compiler counts the same arguments, and may lay them out with gaps.
    assert found["arguments"] <= compiled["arguments"] < 1.1 * found["arguments"]
    assert compiled["peak"] > compiled["arguments"]
    assert found["fits"] and found["left"] == int(0.98 * 16 * 2**30) - compiled["peak"]
    assert "fits, 15.6" in capsys.readouterr().out


def test_links_carry_what_the_compiled_step_sends(monkeypatch):
    sends = {"all-gather": dict(count=2, bytes=3e9), "all-reduce": dict(count=1, bytes=1e9),
             BETWEEN_SLICES: dict(count=1, bytes=5e9)}  # fmt: skip
    monkeypatch.setattr(
        plan, "compile_step", lambda *_: dict(peak=1, temporaries=1, collectives=sends)
    )
    config = settings.load("configs/classifier_tiny.py")
    roof = plan.make(config, topology.parse("v5e:2x2", 2))["roofline_seconds"]
    assert roof["links"] == pytest.approx(4e9 / 200e9)
    assert roof["network"] == pytest.approx(5e9 / 3.125e9)


@pytest.mark.skipif(importlib.util.find_spec("libtpu") is None, reason="needs libtpu")
def test_libtpu_compiles_it(tmp_path):
    found = planned(CLASSIFIER, "--topology=v5e:2x2", out=tmp_path / "plan.json")["bytes_a_device"]
    assert found["fits"] and found["arguments"] <= found["compiled"]["arguments"]


@pytest.mark.parametrize(
    "given, compiled, fits, words",
    [
        (10 * 2**30, None, None, "5.68 GiB are left for temporaries, which take about 1.00;"),
        (10 * 2**30, dict(peak=12 * 2**30), True, "fits, 3.68 GiB are left"),
        (10 * 2**30, dict(peak=17 * 2**30), False, "lacks 1.32 GiB: raise mesh.fsdp"),
        (20 * 2**30, None, False, "lacks 4.32 GiB"),
    ],
)
def test_it_fits_or_lacks_so_much(given, compiled, fits, words):
    found = plan.fit(V5E, given, given + 2**30, compiled)
    assert found["fits"] is fits
    assert words in "\n".join(plan._memory(found))


def test_no_price_is_no_money(tmp_path, capsys):
    flags = [CLASSIFIER, "--topology=tpu7x:2x2x1", "--quick"]
    assert planned(*flags, out=tmp_path / "plan.json")["dollars"] is None
    assert "$" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "flags, sentence",
    [
        ([], "give --topology=v5e:16x16"),
        (["--topology=v5x:2x2"], "did you mean v5"),
        (["--topology=v5e:2x2", "--slices=0"], "--slices must be at least 1"),
        (["--topology=v5e:2x2", "--price=-1"], "--price must be at least 0"),
        (["--topology=v5e:2x2", "--config.mesh.fsdp=3"], "does not fit the 4 devices"),
        (["--topology=v5e:2x2", "--slices=2", "--config.mesh.data=1", "--config.mesh.fsdp=8"],
         "which 2 slices do not divide"),
        (["--topology=v5e:16x16"], "which does not divide over the 256 devices"),
        (["--topology=v5e:2x2", "--config.model.widht=3"], "did you mean model.width?"),
        (["--topology=v5e:2x2", "--sweep=x"], "--sweep does not plan"),
        (["--topology=v5e:2x2", "--out=/proc/x/plan.json"], "cannot be written"),
        (["--topology=v5e:2x2", "--mode=train"], "--topology plans; take it out"),
    ],
)  # fmt: skip
def test_what_cannot_be_planned_is_one_sentence(flags, sentence, capsys):
    mode = [] if any("--mode" in flag for flag in flags) else ["--mode=plan"]
    assert main.main([*mode, CLASSIFIER, "--quick", *flags]) == 2
    printed = capsys.readouterr()
    assert sentence in printed.err and printed.err.count("\n") == 1 and not printed.out
