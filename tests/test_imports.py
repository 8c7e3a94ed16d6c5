"""The import table of the house: a line imports only lines below it, and no circles."""

import pytest

from benchmarks.structure import PACKAGES, ROOT, circles, floor, graph

SHARED = {f"data_pipelines.{name}" for name in ("errors", "files", "places")}  # of both sides
MEETS_DATA = (
    "itit_jax.inputs",
    "itit_jax.data_checks",
    "itit_jax.encode",
    "itit_jax.evaluation.scorers",
    "itit_jax.evaluation.caption_files",
    "itit_jax.evaluation.images",
    "itit_jax.evaluation.features",
    "itit_jax.evaluation.clip_score",
    "itit_jax.evaluation.binding",
    "itit_jax.evaluation.geometry",
    "itit_jax.towers.trained",
    "itit_jax.serve",
)


GRAPH = graph()


@pytest.mark.parametrize("name", GRAPH)
def test_imports_only_lower_floors(name):
    higher = [other for other in GRAPH[name] if other in GRAPH and floor(other) > floor(name)]
    assert not higher, f"{name} imports {higher}"


def test_there_are_no_circles():
    assert circles() == []


def test_recipes_never_import_each_other():
    shared = {"itit_jax.recipes.base", "itit_jax.recipes.critic"}
    recipes = {n for n in GRAPH if n.startswith("itit_jax.recipes.")} - shared
    for name in recipes:
        others = {o for o in GRAPH[name] if o in recipes}
        assert all(o.startswith(f"{name}_") for o in others), (name, others)


def test_readers_of_weight_files_never_import_each_other():
    room = "itit_jax.weights.containers."
    names = ("tensors", "msgpack_trees", "plain_json", "zips")
    shared = {f"{room}{name}" for name in names}
    inside = {n: f for n, f in GRAPH.items() if n.startswith(room) and n != f"{room}find"}
    assert len(inside) == 11
    for name, found in inside.items():
        others = {o for o in found if o.startswith(room)} - shared
        kind = name.removeprefix(room).split("_")[0]
        assert all(o.startswith(f"{room}{kind}_") for o in others), (name, others)


def test_only_base_names_a_recipe():
    allowed = ("itit_jax.recipes", "configs", "benchmarks")
    for name, found in GRAPH.items():
        named = {o for o in found if o.startswith("itit_jax.recipes.")} - {"itit_jax.recipes.base"}
        assert not named or name.startswith(allowed), (name, named)


def test_the_package_meets_data_pipelines_in_few_places():
    for name, found in GRAPH.items():
        meets = {o for o in found if o.startswith("data_pipelines")} - SHARED
        if name.startswith("itit_jax") and meets:
            assert name.startswith(MEETS_DATA), (name, meets)


def test_configs_and_data_stand_alone():
    for name, found in GRAPH.items():
        if name.startswith(("configs", "data_pipelines")):
            assert not {o for o in found if o.startswith("itit_jax")}, name


def test_launchers_import_nothing_of_the_package_and_nobody_imports_them():
    for name, found in GRAPH.items():
        ours = {other for other in found if other.startswith("launch")}
        assert ours == (found if name.startswith("launch") else set()), name


def test_packages_have_empty_inits():
    for package in PACKAGES:
        for file in (ROOT / package).rglob("__init__.py"):
            assert not file.read_text().strip(), file
