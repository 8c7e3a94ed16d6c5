"""The figures of the house that are reached stay reached, and the measure sees what it measures."""

import ast

import pytest

from benchmarks import structure


def test_nothing_runs_up_or_round():
    assert structure.circles() == [] and structure.upward() == []


def test_the_step_stands_on_few_files():
    assert len(structure.stands_on("itit_jax.step")) <= 8


def test_functions_and_files_are_short():
    figures = structure.figures()
    median, most, longest = map(
        int, figures["function lines, median / 90 % / longest"].split(" / ")
    )
    assert median <= 12 and most <= 35 and longest <= 80
    assert int(figures["file lines, median / 90 % / longest"].split(" / ")[2]) <= 400
    assert figures["most positional parameters"] <= 6


def test_readers_name_no_paper_and_there_is_one_registry_and_one_home_of_runs():
    assert structure.papers_named() == []
    assert structure.registries() == ["itit_jax.config_files"]
    assert structure.run_file_names() == ["itit_jax.workdir"]


def test_public_functions_over_arrays_tell_their_shapes():
    bare, every = structure.without_shapes(), structure.over_arrays()
    assert len(bare) <= 0.1 * len(every), bare


def test_modules_have_a_test_of_their_stem():
    missing = structure.untested()
    assert len(missing) <= 0.1 * len(structure._large()), missing


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A house of files, as the measure sees it."""

    def build(**files):
        for name, text in files.items():
            file = tmp_path / "itit_jax" / f"{name}.py"
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        monkeypatch.setattr(structure, "ROOT", tmp_path)
        for cached in (structure.modules, structure.graph):
            cached.cache_clear()
        return structure

    yield build
    monkeypatch.undo()
    structure.modules.cache_clear()
    structure.graph.cache_clear()


def test_a_circle_is_seen(toy):
    house = toy(a="import itit_jax.b", b="def f():\n    import itit_jax.c", c="import itit_jax.a")
    assert house.circles() == [["itit_jax.a", "itit_jax.b", "itit_jax.c", "itit_jax.a"]]


def test_an_import_that_runs_up_is_seen(toy):
    house = toy(config="from itit_jax import train", train="")
    assert house.upward() == [("itit_jax.config", "itit_jax.train")]


def test_a_function_without_shapes_is_seen(toy):
    text = "def f(logits):\n    {}\n\ndef _g(logits): ...\n\ndef h(config): ..."
    house = toy(losses=text.format("'Logits [b, c].'"))
    assert len(house.over_arrays()) == 1 and house.without_shapes() == []
    house = toy(losses=text.format("'Logits.'"))
    assert house.without_shapes() == [("itit_jax.losses", "f")]


def test_a_paper_a_second_registry_and_a_file_name_are_seen(toy):
    house = toy(
        serve='if config.recipe != "itit":\n    x = ("vq", "itit")', report='open(a / "eval.json")'
    )
    assert house.papers_named() == [("itit_jax.serve", 1)]
    assert "itit_jax.serve" in house.registries()
    assert house.run_file_names() == ["itit_jax.report"]


def test_positional_parameters_are_counted_without_self():
    function = ast.parse("def f(self, a, b, *, c): ...").body[0]
    assert structure.positional(function) == 2
